import { countParameters, eagerEngine } from '@peft/core';
import { valueAndGrads } from '@peft/core/engine';
import { follow } from '@peft/testing';
import { passStage, stageOf } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { expectNoJump, expectResumedAlike } from '../test/runs.ts';
import { type Backbone, batches, epochLoss, evaluated, found, setUp, source } from '../test/tiny.ts';
import type { PearOptions } from './index.ts';

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
  ])('%s: stopped before and after the prune and resumed, it ends with the same bytes', (_, options) =>
    expectResumedAlike(backbone, options),
  );
});

test.each<[string, PearOptions]>([['bottlenecks that share nothing', { r: 4, share: false }]])(
  '%s: the loss does not jump where they are pruned',
  (_, options) => expectNoJump(options),
);

test.each<[string, PearOptions]>([
  ['bottlenecks, with a ReLU', { r: 4 }],
  ['low-rank pairs', { act: 'identity', targets: ['attn.qkv[v]', 'mlp.fc1'], r: 2, scale: 2 }],
])('%s: the importance is |sum theta dL/dtheta| over B, and the same over A', async (_, options) => {
  const { model, trainer } = await setUp('vit', options);
  await follow(trainer, batches);
  const adapter = model.get('default');
  const sums: [string, number, number][] = [];
  for (const [
    i,
    {
      parameters: { A, B },
    },
  ] of adapter.plan.byTarget.entries()) {
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
