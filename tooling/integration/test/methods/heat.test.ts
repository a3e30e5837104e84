import { createBackbone } from '@peft/backbones';
import { onnxEngine } from '@peft/compile';
import {
  adapt,
  adaptformer,
  attachAdapterFolder,
  countParameters,
  type Method,
  type MethodFactory,
  readAdapterFolder,
  writeAdapterFolder,
} from '@peft/core';
import { planSettled } from '@peft/core/method';
import { type HeatOptions, heat } from '@peft/heat';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { pear } from '@peft/pear';
import { conformance, difference, engineConformance, follow, movedAdapter, run, tensorOf } from '@peft/testing';
import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import {
  type Blocks,
  blocks,
  cases,
  casesOnBlocks,
  first,
  last,
  mergeable,
  qv,
  whole,
} from '../../../../packages/heat/test/cases.ts';
import { found, modelOf, type Name, setUp, source } from '../../../../packages/heat/test/tiny.ts';

/** What it records is the same on every backend. */
const engine = process.env.PEFT_BACKEND === 'cpu' ? () => onnxEngine({ threads: 1 }) : undefined;

if (engine) {
  engineConformance(heat, cases, { engine });
  engineConformance(heat, casesOnBlocks, { network: blocks, engine });
}

/** HEAT as a reader has it that also knows another method. */
const reading = (base: MethodFactory): MethodFactory<HeatOptions> =>
  Object.assign((options: HeatOptions) => heat(options), { type: 'heat', base });

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

conformance(
  heat,
  [
    {
      name: 'over a Pear that has pruned',
      options: {
        findings: { off: { 'blocks.0.attn': [3], 'blocks.1.attn': [0, 2] } },
        base: pear({
          findings: { shared: { 'blocks.0.attn.q_proj': 'blocks.1.attn.q_proj' } },
          base: adaptformer({ targets: ['q_proj', 'v_proj'], r: 2, act: 'identity' }),
        }),
      },
      ...mergeable,
    },
  ],
  { network: blocks, others: [pear], engine },
);

describe('whole heads off', () => {
  const findings = { off: { 'blocks.0.attn': [3], 'blocks.1.attn': [0, 2] } };
  const cut = { 0: [3], 1: [0, 2] };

  test.each<[string, Method]>([
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

describe('the number of parameters', () => {
  test.each<[string, Method, number]>([
    ['LoRA', lora({ targets: ['attn.qkv[q,v]'], r: 8 }), 24 * (768 * 8 + 8 * 9 * 64)],
    ['NEAT', neat({ r: 7 }), 24 * (768 * 7 + 7 * 9 * 64)],
    ['Lily, whose experts are shared', lily({ targets: ['attn.qkv[k,v]'] }), 99_072],
  ])('over %s', (_, base, expected) => {
    const backbone = createBackbone('vit_base_patch16_224');
    expect(countParameters(backbone, [planSettled(backbone, heat({ base }))]).adapter).toBe(expected);
  });
});

const names: Name[] = ['vit', 'swin'];
const { images } = source.batch(0, 0);
const pictures = (): tf.Tensor => tensorOf(images);
const withHead: HeatOptions = { ne: 1, r: 2, modulesToSave: ['head'] };

describe.each(names)('on a %s', name => {
  test.runIf(process.env.PEFT_BACKEND === 'cpu')(
    'a recorded run has the losses and the mask of an eager one',
    async () => {
      const options: HeatOptions = { ...withHead, refreshEvery: 1 };
      const eager = await setUp(name, heat(options));
      const { losses } = await follow(eager.trainer);
      const engine = await onnxEngine({ threads: 1 });
      try {
        const recorded = await setUp(name, heat(options), { engine });
        const again = await follow(recorded.trainer);
        expect(difference(again.losses, losses)).toBeLessThan(1e-4);
        expect(again.stages.length).toBe(3);
        expect(found(recorded.model).off).toEqual(found(eager.model).off);
      } finally {
        await engine.dispose();
      }
    },
  );

  test.each<[string, Method, number]>([
    ['lora', lora({ targets: ['attn.qkv[q,v]', 'mlp.fc1'], r: 2, dora: true }), 2],
    ['neat', neat({ targets: ['attn.qkv[q,v]'], r: 2, pairs: 1 }), 2],
    ['lily', lily({ r: 2 }), 1],
  ])('it acts on %s, and is the same after a round trip through files', async (_, base, strategySides) => {
    const strategy = strategySides === 2 ? 'qv' : 'v';
    const { model, trainer } = await setUp(name, heat({ base, ne: 1, strategy }));
    const { stages } = await follow(trainer);
    expect(stages.map(({ step }) => step)).toEqual([0]);
    const again = adapt((await modelOf(name)).base);
    const files = await writeAdapterFolder(model);
    await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [heat, lora, neat, lily]));
    expect(await run(again, pictures)).toEqual(await run(model, pictures));
    expect(found(again)).toEqual(found(model));
  });
});
