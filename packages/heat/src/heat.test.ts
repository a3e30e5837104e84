import { createBackbone } from '@peft/backbones';
import {
  adapt,
  adaptformer,
  countParameters,
  key,
  Linear,
  type Method,
  Module,
  parseSafetensors,
  writeAdapterFolder,
} from '@peft/core';
import { planAdapter, planSettled } from '@peft/core/method';
import { conformance, difference, movedAdapter, network, run } from '@peft/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import {
  type Blocks,
  blocks,
  cases,
  casesOnBlocks,
  first,
  last,
  projections,
  qv,
  whole,
  without,
} from '../test/cases.ts';
import { type HeatOptions, heat, type Strategy } from './index.ts';

conformance(heat, cases);
conformance(heat, casesOnBlocks, { network: blocks });

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

  test.each<[string, Method]>([['queries and values', adaptformer({ ...projections, act: 'identity' })]])(
    'is the adapted model without them, with an adapter on %s',
    async (_, base) => {
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
    },
  );
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
    const [
      {
        parameters: { A, B },
      },
    ] = adapter.plan.byTarget;
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
    [vit, { r: 10_000_000 }, 322_560_000_000],
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
  for (const [i, { parameters }] of model.get('whole').plan.byTarget.entries()) {
    parameters.A.set(await adapter.plan.byTarget[i].parameters.A.get());
    const B = await adapter.plan.byTarget[i].parameters.B.get();
    parameters.B.set(Float32Array.of(0, 0, B[0], B[1], 0, 0, B[2], B[3]));
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
    { r: 4, base: adaptformer({ targets: ['qkv'] }) },
    'heat: r is an option of the base that heat makes itself; give it to the adaptformer that is its base.',
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
      { maskTarget: 'output', base: adaptformer({ targets: 'all-linear' }), ne: 1 },
      'needs the targets of adaptformer as a list of names',
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
