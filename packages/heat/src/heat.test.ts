import { createBackbone } from '@peft/backbones';
import { onnxEngine } from '@peft/compile';
import {
  adapt,
  adaptformer,
  attention,
  countParameters,
  initialize,
  key,
  Linear,
  type Method,
  type MethodFactory,
  Module,
  parseSafetensors,
  planAdapter,
  planSettled,
  writeAdapterFolder,
} from '@peft/core';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { conformance, difference, movedAdapter, network, run } from '@peft/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { type HeatOptions, heat, type Strategy } from './index.ts';

/** HEAT as a reader has it that also knows another method. */
const reading = (base: MethodFactory): MethodFactory<HeatOptions> =>
  Object.assign((options: HeatOptions) => heat(options), { type: 'heat', base });

/** What it records is the same on every backend. */
const engine = process.env.PEFT_BACKEND === 'cpu' ? () => onnxEngine({ threads: 1 }) : undefined;
const mergeable = { mergeable: true, portable: false, exact: true };
const onBackbones: HeatOptions = { r: 2, ratio: 0.5 };
const qv = { targets: ['qkv[q,v]'], r: 2 };
const first = { findings: { off: { '': [0] } } };
const last = { findings: { off: { '': [1] } } };

conformance(
  heat,
  [
    { name: 'before its score pass', options: { ...qv, ne: 1 }, onBackbones, first: ['B'], ...mergeable },
    { name: 'before, warming up', options: { ...qv, ne: 1, warmEpochs: 1, modulesToSave: ['head'] }, ...mergeable },
    { name: 'one head off', options: { ...qv, ...last, scale: 2, modulesToSave: ['head'] }, ...mergeable },
    {
      name: 'other heads of queries and values',
      options: { ...qv, separateMasks: true, findings: { off: { '': { q: [0], v: [1] } } } },
      ...mergeable,
    },
    {
      name: 'queries alone',
      options: { ...qv, separateMasks: true, findings: { off: { '': { q: [0] } } } },
      ...mergeable,
    },
    { name: 'to be refreshed', options: { ...qv, ...first, refreshEvery: 2 }, ...mergeable },
  ],
  { engine },
);

conformance(
  reading(lora),
  [
    { name: 'over LoRA, unmasked', options: { ne: 1, base: lora({ ...qv, bias: 'all' }) }, ...mergeable },
    {
      name: 'over LoRA and what has no heads',
      options: { ...last, base: lora({ targets: ['qkv[k,v]', 'out'], r: 2 }) },
      onBackbones: {
        ratio: 0.5,
        probeHeadEpochs: 1,
        base: lora({ targets: ['attn.qkv[q,v]', 'mlp.fc1'], r: 2, modulesToSave: ['head'] }),
      },
      ...mergeable,
    },
    { name: 'over a drawn B', options: { ...last, base: lora({ ...qv, init: 'zero' }) }, ...mergeable },
    {
      name: 'over DoRA',
      options: { ...first, base: lora({ ...qv, dora: true }) },
      ...mergeable,
      exact: false,
      detaches: true,
    },
    { name: 'over PiSSA', options: { ...last, base: lora({ ...qv, init: 'pissa' }) }, ...mergeable, exact: false },
  ],
  { engine },
);

conformance(
  reading(neat),
  [
    {
      name: 'over NEAT',
      options: { ...first, base: neat({ ...qv, pairs: 1, act: 'gelu' }) },
      onBackbones: { ratio: 0.5, base: neat({ r: 3, act: 'gelu' }) },
      ...mergeable,
    },
    { name: 'over NEAT of the inputs', options: { ...last, base: neat({ ...qv, side: 'in' }) }, ...mergeable },
  ],
  { engine },
);

conformance(
  reading(lily),
  [
    {
      name: 'over Lily',
      options: { ...last, base: lily({ targets: ['qkv[k,v]'], r: 2 }) },
      onBackbones: { ratio: 0.5, base: lily({ r: 4 }) },
      first: ['P'],
      ...mergeable,
      mergeable: false,
    },
    {
      name: 'over uniform Lily, unmasked',
      options: { ne: 1, base: lily({ targets: ['qkv[q,k,v]'], r: 2, mixing: 'uniform', stride: 3 }) },
      ...mergeable,
    },
  ],
  { engine },
);

/** Attention over tokens `[2, 3, 5]` with projections of their own, named as in other libraries. */
class Attention extends Module {
  readonly q_proj = new Linear(5, 8, { heads: 4 });
  readonly k_proj = new Linear(5, 8, { heads: 4 });
  readonly v_proj = new Linear(5, 8, { heads: 4 });
  readonly o_proj = new Linear(8, 3);

  forward(x: tf.Tensor): tf.Tensor {
    const split = (t: tf.Tensor): tf.Tensor => tf.transpose(tf.reshape(t, [2, 3, 4, 2]), [0, 2, 1, 3]);
    const [q, k, v] = [this.q_proj, this.k_proj, this.v_proj].map(linear => split(linear.call(x)));
    return this.o_proj.call(tf.reshape(tf.transpose(attention(q, k, v, 0.7), [0, 2, 1, 3]), [2, 3, 8]));
  }
}

class Block extends Module {
  readonly attn = new Attention();
  readonly mlp = new Linear(3, 5);
  forward(x: tf.Tensor): tf.Tensor {
    return tf.add(x, this.mlp.call(tf.tanh(this.attn.call(x))));
  }
}

class Blocks extends Module {
  readonly blocks = [new Block(), new Block()];
  readonly head = new Linear(5, 2);
  forward(x: tf.Tensor): tf.Tensor {
    return this.head.call(this.blocks.reduce((h, block) => block.call(h), x));
  }
}

const blocks = (): Blocks => initialize(new Blocks(), key(1));
const projections = { targets: ['q_proj', 'v_proj'], r: 2 };
const whole: HeatOptions = { maskTarget: 'output', outputTargets: ['o_proj'], ne: 2 };

conformance(
  heat,
  [
    {
      name: 'projections of their own',
      options: { ...projections, findings: { off: { 'blocks.1.attn': [1, 2] } } },
      ...mergeable,
    },
    { name: 'whole heads, before the score pass', options: { ...projections, ...whole }, ...mergeable },
  ],
  { network: blocks, engine },
);

/** The network with heads taken out by hand: zeros where they would be read. */
function without(heads: Record<number, number[]>): Blocks {
  const root = blocks();
  for (const [block, off] of Object.entries(heads)) {
    const { o_proj } = root.blocks[Number(block)].attn;
    o_proj.weight.value.assign(
      tf.mul(
        o_proj.weight.value,
        tf.tensor2d(
          Array.from({ length: 24 }, (_, i) => (off.includes(Math.floor(i / 6)) ? 0 : 1)),
          [8, 3],
        ),
      ),
    );
  }
  return root;
}

describe('whole heads off', () => {
  const findings = { off: { 'blocks.0.attn': [3], 'blocks.1.attn': [0, 2] } };
  const cut = { 0: [3], 1: [0, 2] };

  test('is the frozen model without them at the start', async () => {
    const model = adapt(blocks());
    await model.add('default', heat({ ...projections, ...whole, findings }), { key: key(3) });
    const expected = await run(without(cut));
    expect(difference(await run(model), expected)).toBeLessThan(1e-6);
    expect(difference(await run(model), await run(blocks()))).toBeGreaterThan(1e-3);
    model.merge();
    expect(difference(await run(model), expected)).toBeLessThan(1e-6);
  });

  test.each<[string, Method]>([
    ['queries and values', adaptformer({ ...projections, act: 'identity' })],
    ['the projection too', lora({ targets: ['q_proj', 'v_proj', 'o_proj'], r: 2 })],
    ['the projection too, by DoRA', lora({ targets: ['v_proj', 'o_proj'], r: 2, dora: true })],
  ])('is the adapted model without them, with an adapter on %s', async (_, base) => {
    const { model } = await movedAdapter(heat, { ...whole, strategy: 'v', base, findings }, blocks);
    const adapted = await run(model);
    model.merge();
    expect(difference(await run(model), adapted)).toBeLessThan(2e-5);
    model.unmerge();
    for (const [i, { attn }] of (model.base as Blocks).blocks.entries()) {
      const isOff = (feature: number): boolean => cut[i as 0 | 1].includes(Math.floor(feature / 2));
      const { weight } = attn.v_proj;
      weight.set((await weight.get()).map((value, j) => (isOff(j % 8) ? 3 : value)));
    }
    expect(difference(await run(model), adapted)).toBeLessThan(2e-5);
  });
});

describe('the golden vector, computed apart in double precision', () => {
  const S = (n: number, o: number): Float32Array => Float32Array.from({ length: n }, (_, k) => Math.sin(k + 1 + o));
  const x = (): tf.Tensor =>
    tf.tensor2d(
      Float32Array.from({ length: 6 }, (_, k) => Math.cos(k + 1)),
      [2, 3],
    );

  class Query extends Module {
    readonly query = new Linear(3, 4, { heads: 2 });
    forward(input: tf.Tensor): tf.Tensor {
      return this.query.call(input);
    }
  }

  test.each<[string, number[], number[]]>([
    ['all heads on', [], [-0.641069, -1.033582, -0.475825, 0.519404, 0.730141, 1.077851, 0.43459, -0.608231]],
    ['head 0 off', [0], [0, 0, -0.475825, 0.519404, 0, 0, 0.43459, -0.608231]],
  ])('%s', async (_, off, expected) => {
    const root = new Query();
    root.query.weight.set(new Float32Array(12));
    root.query.bias?.set(new Float32Array(4));
    const model = adapt(root);
    const adapter = await model.add('default', heat({ targets: ['query'], r: 2, findings: { off: { '': off } } }), {
      key: key(1),
    });
    const [{ A, B }] = adapter.plan.byTarget;
    A.set(S(6, 0));
    B.set(S(8, 10).filter((_, i) => !off.includes(Math.floor((i % 4) / 2))));
    expect(difference(await run(model, x), expected)).toBeLessThan(2e-6);
    model.merge();
    expect(difference(await run(model, x), expected)).toBeLessThan(2e-6);
  });
});

describe('the number of parameters', () => {
  const vit = 'vit_base_patch16_224';
  const swin = 'swin_base_patch4_window7_224';
  test.each<[string, HeatOptions, number]>([
    [vit, { ne: 0 }, 294_912],
    [vit, { ne: 1 }, 282_624],
    [vit, { ne: 2 }, 270_336],
    [vit, {}, 258_048],
    [vit, { ne: 4 }, 245_760],
    [vit, { ne: 6 }, 221_184],
    [vit, { ne: 3, scope: 'allHeads' }, 258_048],
    [vit, { ne: 3, strategy: 'random', scope: 'layer' }, 258_048],
    [vit, { ne: 3, separateMasks: true }, 258_048],
    [vit, { ne: 3, maskTarget: 'output' }, 258_048],
    [vit, { r: 32 }, 1_032_192],
    [vit, { r: 32, ne: 6 }, 884_736],
    [vit, {}, 258_048],
    [swin, {}, 336_896],
    [swin, { ratio: 0 }, 385_024],
    [swin, { ratio: 0.25 }, 336_896],
    [swin, { ratio: 0.5 }, 288_768],
    [swin, { r: 32, ratio: 0.25 }, 1_347_584],
    [swin, { r: 32, ratio: 0.5, scope: 'global' }, 1_155_072],
  ])('of %s with %j', (name, options, expected) => {
    const backbone = createBackbone(name);
    expect(countParameters(backbone, [planSettled(backbone, heat(options))]).adapterTrainable).toBe(expected);
  });

  test.each<[string, Method, number]>([
    ['LoRA', lora({ targets: ['attn.qkv[q,v]'], r: 8 }), 24 * (768 * 8 + 8 * 9 * 64)],
    ['NEAT', neat({ r: 7 }), 24 * (768 * 7 + 7 * 9 * 64)],
    ['Lily, whose experts are shared', lily({ targets: ['attn.qkv[k,v]'] }), 99_072],
  ])('over %s', (_, base, expected) => {
    const backbone = createBackbone(vit);
    expect(countParameters(backbone, [planSettled(backbone, heat({ base }))]).adapter).toBe(expected);
  });
});

test('files have no column of a head that is off', async () => {
  const { model } = await movedAdapter(heat, { ...qv, ...last });
  const files = await writeAdapterFolder(model);
  const { tensors } = parseSafetensors(files['adapter_model.safetensors'], 'file');
  const shapes = [...tensors].map(([name, { shape }]) => [name.replace('base_model.model.', ''), shape]);
  expect(Object.fromEntries(shapes)).toEqual({
    'qkv[q].A': [2, 5],
    'qkv[q].B': [2, 2],
    'qkv[v].A': [2, 5],
    'qkv[v].B': [2, 2],
  });
  const { peft_type: type } = JSON.parse(new TextDecoder().decode(files['adapter_config.json']));
  expect(type).toBe('HEAT');
});

test('a masked adapter is the whole one with zeros for its heads', async () => {
  const model = adapt(network());
  await model.add('whole', adaptformer({ ...qv, act: 'identity' }), { key: key(3) });
  const { model: masked, adapter } = await movedAdapter(heat, { ...qv, ...first });
  for (const [i, target] of model.get('whole').plan.byTarget.entries()) {
    target.A.set(await adapter.plan.byTarget[i].A.get());
    const B = await adapter.plan.byTarget[i].B.get();
    target.B.set(Float32Array.of(0, 0, B[0], B[1], 0, 0, B[2], B[3]));
  }
  expect(await run(masked)).toEqual(await run(model));
});

test.each<[HeatOptions, string]>([
  [{ nee: 4 } as HeatOptions, 'heat has no option "nee"; closest: ne.'],
  [{ rr: 4 } as HeatOptions, 'heat has no option "rr"; closest: r.'],
  [{ ne: -1 }, 'heat: ne is -1; it must be an integer of 0 or more.'],
  [{ ratio: 1 }, 'heat: ratio is 1; it must be in [0, 1)'],
  [{ scope: 'all' as 'layer' }, 'heat: scope is "all"; it must be one of global, layer, allHeads.'],
  [{ aggregation: 'mean' as 'batch' }, 'heat: aggregation is "mean"'],
  [{ scoreBatches: 0 }, 'heat: scoreBatches is 0; it must be an integer of 1 or more.'],
  [{ warmEpochs: -1 }, 'heat: warmEpochs is -1; it must be a number of 0 or more.'],
  [{ strategy: 'qk' }, 'heat: strategy is "qk"; it must be q, v, qv, random, or a strategy of your own'],
  [{ strategy: { name: 'qv' } as Strategy }, 'heat: a strategy of your own cannot be called qv'],
  [
    { r: 4, base: lora({ targets: ['qkv'] }) },
    'heat: r is an option of the base that heat makes itself; give it to the lora that is its base.',
  ],
  [
    { base: heat() },
    'heat: heat has a stage of its own still to come (head scoring); heat can act on it only after that',
  ],
  [{ probeHeadEpochs: 1, warmEpochs: 1, modulesToSave: ['head'] }, 'give one of them'],
  [{ probeHeadEpochs: 1 }, 'heat: probeHeadEpochs is 1, but no module is trained whole'],
  [{ scoreOn: 'delta' }, 'give warmEpochs'],
  [{ scoreOn: 'delta', warmEpochs: 1, refreshEvery: 1 }, 'use scoreOn "activation"'],
  [{ separateMasks: true, maskTarget: 'output' }, 'a whole head has no two masks'],
  [
    { findings: { off: { 'blocks.0.attn': { q: [0] } } } },
    'off tells queries from values, which goes with separateMasks: true.',
  ],
  [{ separateMasks: true, strategy: 'v' }, 'separateMasks needs scores of both sides, and strategy "v" has one'],
  [{ r: 0 }, 'adaptformer: r is 0'],
])('%j is refused', (options, message) => {
  expect(() => heat(options)).toThrow(message);
});

describe('a model that it does not fit is refused', () => {
  class Uneven extends Module {
    readonly q_proj = new Linear(4, 8, { heads: 4 });
    readonly v_proj = new Linear(4, 4, { heads: 2 });
    readonly k_proj = new Linear(4, 9, { heads: 2 });
    readonly value = new Linear(4, 4);
    forward(x: tf.Tensor): tf.Tensor {
      return x;
    }
  }
  const vit = (): Module => createBackbone('pico-vit');
  const swin = (): Module => createBackbone('pico-swin');

  test.each<[() => Module, HeatOptions, string]>([
    [vit, { ne: 3 }, 'heat: ne is 3, but blocks.0.attn has 3 heads; give a smaller ne, or a ratio'],
    [swin, { ne: 2 }, 'heat: ne is 2, but layers.0.blocks.0.attn has 2 heads'],
    [vit, { targets: ['mlp.fc1'] }, 'heat: none of the adapted modules are queries, keys or values'],
    [
      vit,
      { targets: ['attn.qkv[q]'], ne: 1 },
      'strategy "qv" scores values, but blocks.0.attn has blocks.0.attn.qkv[q] alone',
    ],
    [vit, { targets: ['attn.qkv[v]'], ne: 1, strategy: 'q' }, 'strategy "q" scores queries or keys, but'],
    [() => new Uneven(), { targets: ['q_proj', 'v_proj'] }, 'v_proj has 2 heads, but what is beside it has 4'],
    [() => new Uneven(), { targets: ['value'], strategy: 'v' }, 'value does not tell its number of attention heads'],
    [
      () => new Uneven(),
      { targets: ['k_proj'], strategy: 'q' },
      'the 9 outputs of k_proj cannot be shared equally by 2',
    ],
    [
      vit,
      { findings: { off: { 'blocks.6.attn': [0] } } },
      'heat: off names "blocks.6.attn", but the layers of attention here are blocks.0.attn,',
    ],
    [vit, { findings: { off: { 'blocks.0.attn': [3] } } }, 'heat: off has [3] for "blocks.0.attn", which has 3 heads'],
    [vit, { findings: { off: { 'blocks.0.attn': [0, 1, 2] } } }, 'at least one must stay'],
    [
      vit,
      { maskTarget: 'output', outputTargets: ['mlp.fc2'], ne: 1 },
      'no projection of mlp.fc2 reads the 3 heads (96 features) of blocks.0.attn',
    ],
    [
      vit,
      { maskTarget: 'output', base: lora({ targets: 'all-linear' }), ne: 1 },
      'needs the targets of lora as a list of names',
    ],
  ])('%# %j', (root, options, message) => {
    expect(() => planAdapter(root(), heat(options))).toThrow(message);
  });
});

test('its defaults are those of the paper for a ViT', () => {
  const { config, base, modulesToSave } = heat();
  expect(config).toMatchObject({
    ratio: 0.25,
    strategy: 'qv',
    maskTarget: 'delta',
    aggregation: 'batch',
    warmEpochs: 0,
  });
  expect(base?.config).toMatchObject({ r: 8, scale: 1, act: 'identity', targets: ['attn.qkv[q,v]'] });
  expect(modulesToSave).toEqual([]);
});
