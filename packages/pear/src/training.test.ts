import { SwinTransformer, VisionTransformer } from '@peft/backbones';
import { onnxEngine } from '@peft/compile';
import {
  type AdaptedModel,
  adapt,
  countParameters,
  type Engine,
  eagerEngine,
  initialize,
  isMadeBy,
  key,
  softmaxCrossEntropy,
  valueAndGrads,
} from '@peft/core';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { brightestChannel, difference, follow } from '@peft/testing';
import { passStage, stageOf, Trainer } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PearFindings, type PearOptions, pear } from './index.ts';

const batches = 4;
const source = brightestChannel({ batches, contrast: 2 });

const backbones = {
  vit: () =>
    new VisionTransformer({
      imageSize: [16, 16],
      patchSize: 8,
      embedDim: 12,
      depth: 4,
      heads: 2,
      classes: 3,
      classToken: false,
      globalPool: 'avg',
    }),
  swin: () =>
    new SwinTransformer({
      imageSize: [16, 16],
      patchSize: 4,
      windowSize: 2,
      embedDim: 8,
      depths: [2, 4],
      heads: [1, 2],
      classes: 3,
    }),
};
type Backbone = keyof typeof backbones;

const qv = { targets: ['attn.qkv[q,v]'], r: 2 };

/** A run of three epochs, pruned after the first. */
async function setUp(
  backbone: Backbone,
  options: PearOptions,
  engine: Engine = eagerEngine(),
): Promise<{ model: AdaptedModel; trainer: Trainer }> {
  const model = adapt(initialize(backbones[backbone](), key(5)));
  await model.add('default', pear({ warmEpochs: 1, ...options }), { key: key(6) });
  const trainer = new Trainer({ model, engine, source, optimizer: { lr: 0.02 }, epochs: 3, seed: 1 });
  return { model, trainer };
}

/** What the prune has found. */
function found(model: AdaptedModel): PearFindings {
  const { method } = model.get('default');
  if (!isMadeBy(method, pear) || !method.findings) throw new Error(`${method.type} has found nothing.`);
  return method.findings;
}

/** The sum over the batches that are scored of their mean losses. Must run inside a tidy. */
function epochLoss(model: AdaptedModel): tf.Scalar {
  const losses = Array.from({ length: batches }, (_, b) => {
    const { images, labels } = source.batch(0, b);
    const logits = model.call(tf.tensor(images, [labels.length, 16, 16, 3]));
    return tf.mean(softmaxCrossEntropy(logits, tf.tensor1d(labels, 'int32')));
  });
  return tf.addN(losses) as tf.Scalar;
}

async function evaluated(model: AdaptedModel): Promise<number> {
  const loss = tf.tidy(() => epochLoss(model));
  const [value] = await loss.data();
  loss.dispose();
  return value;
}

describe.each<[Backbone, number]>([
  ['vit', 2],
  ['swin', 3],
])('on a tiny %s', (backbone, half) => {
  test('it learns, prunes within a stage, and goes on learning with half of its parameters', async () => {
    const { model, trainer } = await setUp(backbone, { r: 4, modulesToSave: ['head'] });
    const before = await evaluated(model);
    const parameters = () => countParameters(model.base, [model.get('default').plan]);
    const whole = parameters();
    expect(whole.adapter).toBe(whole.adapterTrainable);
    for await (const event of trainer.run()) if (event.type === 'stage') break;
    expect(trainer.step).toBe(batches);
    const pruned = await evaluated(model);
    await follow(trainer);
    expect(await evaluated(model)).toBeLessThan(Math.min(0.9 * before, pruned));
    const { shared, scores } = found(model);
    expect(Object.keys(shared)).toHaveLength(half);
    for (const [id, donor] of Object.entries(shared)) {
      expect(scores?.[id]).toBeLessThanOrEqual(scores?.[donor ?? ''] ?? 0);
      expect(id.replace(/blocks\.\d+/, '')).toBe(donor?.replace(/blocks\.\d+/, ''));
    }
    expect(parameters()).toMatchObject({ adapter: whole.adapter, adapterTrainable: whole.adapter / 2 });
  });

  test.each<[string, PearOptions]>([
    ['bottlenecks on attention and MLP', { r: 2, targets: ['attn', 'mlp'], dropout: 0.1, modulesToSave: ['head'] }],
    [
      'LoRA, merging and gated',
      { base: lora({ ...qv, dropout: 0.1 }), knowledgeCheckpoint: 'merge', shareInit: 'gate0' },
    ],
    ['NEAT by magnitude', { base: neat(qv), criterion: 'magnitude', pairing: 'rank' }],
    ['Lily at random', { base: lily({ ...qv, mixing: 'batch' }), criterion: 'random', pairing: 'random', seed: 4 }],
  ])('%s: stopped before and after the prune and resumed, it ends with the same bytes', async (_, options) => {
    const whole = await setUp(backbone, options);
    const { losses } = await follow(whole.trainer);
    const bytes = await whole.trainer.checkpoint();
    expect(new Set(losses).size).toBe(12);
    for (const stop of [3, 6]) {
      const first = await setUp(backbone, options);
      const before = await follow(first.trainer, stop);
      const second = await setUp(backbone, options);
      await second.trainer.restore(await first.trainer.checkpoint());
      const after = await follow(second.trainer);
      expect([...before.losses, ...after.losses]).toEqual(losses);
      expect(await second.trainer.checkpoint()).toEqual(bytes);
      expect(found(second.model)).toEqual(found(whole.model));
    }
  });
});

test.each<[string, PearOptions]>([
  ['bottlenecks that share nothing', { r: 4, share: false }],
  ['LoRA whose gates are shut', { base: lora(qv), shareInit: 'gate0' }],
  ['LoRA that shares nothing, merged', { base: lora(qv), share: false, knowledgeCheckpoint: 'merge' }],
])('%s: the loss does not jump where they are pruned', async (_, options) => {
  const { model, trainer } = await setUp('vit', options);
  await follow(trainer, batches);
  const before = await evaluated(model);
  for await (const event of trainer.run()) if (event.type === 'stage') break;
  expect(Object.keys(found(model).shared)).not.toHaveLength(0);
  expect(Math.abs((await evaluated(model)) - before)).toBeLessThan(1e-5);
});

test.each<[string, PearOptions]>([
  ['bottlenecks, with a ReLU', { r: 4 }],
  ['low-rank pairs', { act: 'identity', targets: ['attn.qkv[v]', 'mlp.fc1'], r: 2, scale: 2 }],
])('%s: the importance is |sum theta dL/dtheta| over B, and the same over A', async (_, options) => {
  const { model, trainer } = await setUp('vit', options);
  await follow(trainer, batches);
  const adapter = model.get('default');
  const sums: [string, number, number][] = [];
  for (const [i, { A, B }] of adapter.plan.byTarget.entries()) {
    const { value, grads } = valueAndGrads(() => epochLoss(model), [A.value, B.value]);
    const [ofA, ofB] = [A, B].map(({ value: theta }, k) => tf.tidy(() => tf.sum(tf.mul(theta, grads[k] as tf.Tensor))));
    sums.push([adapter.plan.targets[i].id, (await ofA.data())[0], (await ofB.data())[0]]);
    tf.dispose([value, ofA, ofB, grads as tf.Tensor[]]);
  }
  const stage = stageOf(adapter);
  if (!stage) throw new Error('There is no stage.');
  await passStage(model, adapter, stage, { engine: eagerEngine(), source });
  const { scores = {} } = found(model);
  for (const [id, ofA, ofB] of sums) {
    expect(Math.abs(ofB)).toBeGreaterThan(1e-5);
    expect(Math.abs(scores[id] - Math.abs(ofB)) / Math.abs(ofB)).toBeLessThan(1e-3);
    expect(Math.abs(scores[id] - Math.abs(ofA)) / Math.abs(ofA)).toBeLessThan(1e-3);
  }
});

test('before anything has learned, by Taylor all count nothing', async () => {
  const { model } = await setUp('vit', { r: 2 });
  const adapter = model.get('default');
  const stage = stageOf(adapter);
  if (!stage) throw new Error('There is no stage.');
  await passStage(model, adapter, stage, { engine: eagerEngine(), source });
  expect(Object.values(found(model).scores ?? {})).toEqual([0, 0, 0, 0]);
});

test('only so many batches are scored as asked for', async () => {
  const scoresOf = async (scoreBatches?: number) => {
    const { model, trainer } = await setUp('vit', { r: 2, scoreBatches });
    await follow(trainer);
    return found(model).scores;
  };
  const all = await scoresOf();
  expect(await scoresOf(batches)).toEqual(all);
  expect(await scoresOf(2)).not.toEqual(all);
});

test('a longer run leaves the number of tensors flat', async () => {
  const { trainer } = await setUp('vit', { r: 2, shareInit: 'gate0' });
  const counts: number[] = [];
  for await (const event of trainer.run()) if (event.type === 'step') counts.push(tf.memory().numTensors);
  expect(new Set(counts.slice(0, batches)).size).toBe(1);
  expect(new Set(counts.slice(batches)).size).toBe(1);
});

// The recorded step is compared with what runs eagerly on the cpu.
describe.runIf(process.env.PEFT_BACKEND === 'cpu')('recorded and run in ONNX Runtime', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await onnxEngine({ threads: 1 });
  });
  afterAll(() => engine.dispose());

  test.each<[Backbone, string, PearOptions]>([
    ['vit', 'bottlenecks', { r: 4, dropout: 0.1, modulesToSave: ['head'] }],
    ['vit', 'LoRA, merging and gated', { base: lora(qv), knowledgeCheckpoint: 'merge', shareInit: 'gate0' }],
    ['vit', 'NEAT without checkpoints', { base: neat(qv), knowledgeCheckpoint: 'none' }],
    ['vit', 'pruned without sharing', { r: 4, share: false, knowledgeCheckpoint: 'none' }],
    ['swin', 'bottlenecks', { r: 4, targets: ['attn', 'mlp'] }],
  ])('%s: %s have the same losses and the same map', async (backbone, _, options) => {
    const eager = await setUp(backbone, options);
    const recorded = await setUp(backbone, options, engine);
    const [here, there] = [await follow(eager.trainer), await follow(recorded.trainer)];
    expect(difference(there.losses, here.losses)).toBeLessThan(1e-4);
    expect(found(recorded.model).shared).toEqual(found(eager.model).shared);
    await recorded.trainer.dispose();
  });
});
