import {
  type AdaptedModel,
  adapt,
  type BatchSource,
  eagerEngine,
  initialize,
  key,
  Parameter,
  PeftError,
  type PictureBatch,
  zeros,
} from '@peft/core';
import { lora } from '@peft/lora';
import { brightestChannel, follow, type PictureOptions, tensorOf } from '@peft/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import fixture from '../test/fixtures/adamw.json' with { type: 'json' };
import { Net } from '../test/net.ts';
import {
  AdamW,
  type AdamWOptions,
  constantRate,
  cosine,
  evaluate,
  evaluationStep,
  MetricsAccumulator,
  type TrainEvent,
  Trainer,
  type TrainerOptions,
  timm0412,
  warmup,
} from './index.ts';

const source = (options: PictureOptions = {}): BatchSource<PictureBatch> => brightestChannel({ side: 2, ...options });

async function setUp(options: Partial<TrainerOptions> = {}): Promise<{ model: AdaptedModel; trainer: Trainer }> {
  const model = adapt(initialize(new Net(), key(5)));
  await model.add('default', lora({ targets: ['body'], r: 2, dropout: 0.1, modulesToSave: ['head'] }), { key: key(6) });
  const defaults = { model, engine: eagerEngine(), source: source(), optimizer: { lr: 0.02 }, epochs: 3, seed: 1 };
  return { model, trainer: new Trainer({ ...defaults, ...options }) };
}

const losses = async (trainer: Trainer, until?: number): Promise<number[]> => (await follow(trainer, until)).losses;

test('an engine is picked where none is given', async () => {
  const { trainer } = await setUp({ engine: undefined });
  expect(await losses(trainer, 2)).toEqual(await losses((await setUp()).trainer, 2));
});

describe('AdamW', () => {
  test('takes the steps of torch.optim.AdamW', async () => {
    const parameter = new Parameter([7], zeros);
    parameter.set(Float32Array.from(fixture.start));
    const optimizer = new AdamW([parameter], { lr: 3e-2, weightDecay: 0.1 });
    for (const [step, gradient] of fixture.gradients.entries()) {
      const { keep, stepSize, rootCorrection } = optimizer.inputs(step + 1, 3e-2 * (1 - step / 60));
      tf.tidy(() => {
        optimizer.update(tf.tensor1d(gradient), {
          keep: tensorOf(keep),
          stepSize: tensorOf(stepSize),
          rootCorrection: tensorOf(rootCorrection),
        });
      });
      const difference = (await parameter.get()).map((value, i) => Math.abs(value - fixture.path[step][i]));
      expect(Math.max(...difference)).toBeLessThan(1e-6);
    }
  });
});

describe('schedules', () => {
  const at = (step: number) => ({ step, stepsPerEpoch: 15, totalSteps: 1500 });

  test('timm 0.4.12 epoch by epoch', () => {
    const schedule = timm0412();
    const epochs: [number, number][] = [
      [0, 1e-6],
      [1, 1e-6],
      [2, 1.009e-4],
      [5, 4.006e-4],
      [9, 8.002e-4],
      [10, 9.001e-4],
      [11, 9.75773e-4],
      [12, 9.70736e-4],
      [20, 9.14405e-4],
      [50, 5.20548e-4],
      [51, 5.05e-4],
      [99, 1.09768e-5],
    ];
    for (const [epoch, lr] of epochs) {
      for (const within of [0, 14]) expect(schedule(1e-3, at(epoch * 15 + within)) / lr).toBeCloseTo(1, 5);
    }
  });

  test('cosine falls from the base to its minimum, warm-up rises to it', () => {
    expect(cosine(1e-5)(1e-3, at(0))).toBe(1e-3);
    expect(cosine(1e-5)(1e-3, at(1500))).toBeCloseTo(1e-5, 12);
    const warm = warmup(10, constantRate);
    expect([0, 4, 9, 10].map(step => warm(1, at(step)))).toEqual([0.1, 0.5, 1, 1]);
  });
});

test('training learns, and twice the same seed gives the same bytes', async () => {
  const runs = await Promise.all(
    [1, 2].map(async () => {
      const { trainer } = await setUp({ epochs: 8 });
      const found = await losses(trainer);
      return { found, bytes: await trainer.checkpoint() };
    }),
  );
  expect(runs[0].found).toHaveLength(32);
  expect(runs[0].found.at(-1)).toBeLessThan(0.6 * runs[0].found[0]);
  expect(runs[1]).toEqual(runs[0]);
  const other = await setUp({ epochs: 8, seed: 2 });
  expect(await losses(other.trainer)).not.toEqual(runs[0].found);
});

test.each([3, 4, 7])('resumed after step %i, it goes on bit by bit', async stop => {
  const whole = await setUp();
  const all = await losses(whole.trainer);
  const first = await setUp();
  const before = await losses(first.trainer, stop);
  const saved = await first.trainer.checkpoint();
  const second = await setUp();
  await second.trainer.restore(saved);
  const after = await losses(second.trainer);
  expect([...before, ...after]).toEqual(all);
  expect(await second.trainer.checkpoint()).toEqual(await whole.trainer.checkpoint());
});

/** Two neighboring batches as one. */
const paired = (halves: BatchSource<PictureBatch>): BatchSource => ({
  length: halves.length / 2,
  size: halves.size,
  async *batches(epoch, skip = 0) {
    const both: PictureBatch[] = [];
    for await (const batch of halves.batches(epoch, 2 * skip)) {
      both.push(batch);
      if (both.length < 2) continue;
      const [a, b] = both.splice(0);
      yield {
        images: { data: Float32Array.from([...a.images.data, ...b.images.data]), shape: [6, 2, 2, 3] },
        labels: { data: Int32Array.from([...a.labels.data, ...b.labels.data]), shape: [6] },
      };
    }
  },
});

test('two accumulated batches are one of twice the size', async () => {
  class Certain extends Net {
    override forward(images: tf.Tensor): tf.Tensor {
      return this.head.call(tf.tanh(this.body.call(tf.reshape(images, [images.shape[0], -1]))));
    }
  }
  const train = async (options: Partial<TrainerOptions>): Promise<Float32Array> => {
    const model = adapt(initialize(new Certain(), key(5)));
    const adapter = await model.add('default', lora({ targets: ['body'], r: 2 }), { key: key(6) });
    const { trainer } = await setUp({ model, epochs: 2, clipNorm: 0.5, ...options });
    await losses(trainer);
    return adapter.plan.byTarget[0].parameters.B.get();
  };
  const accumulated = await train({ source: source({ batches: 8, batchSize: 3 }), accumulate: 2 });
  const whole = await train({ source: paired(source({ batches: 8, batchSize: 3 })) });
  for (const [i, value] of accumulated.entries()) expect(value).toBeCloseTo(whole[i], 5);
});

test('a loss that is not a number stops the run, saying where', async () => {
  const { trainer } = await setUp({ source: source({ contrast: Number.NaN }) });
  await expect(losses(trainer)).rejects.toThrow(/loss became NaN at step 1 \(learning rate 2.00e-2\)/);
  await expect(losses(trainer)).rejects.toBeInstanceOf(PeftError);
});

describe('a last update that diverges', () => {
  /** One step. */
  const run = async (optimizer: AdamWOptions, event: TrainEvent['type']): Promise<TrainEvent['type'][]> => {
    const { trainer } = await setUp({ optimizer, epochs: undefined, steps: 1 });
    const seen: TrainEvent['type'][] = [];
    const abort = new AbortController();
    if (event === 'interrupted') abort.abort();
    for await (const { type } of trainer.run({ signal: abort.signal })) seen.push(type);
    return seen;
  };

  /** Its one step makes parameters that are finite and of which products are not. */
  const huge: AdamWOptions = { lr: 3e30, weightDecay: 1e8 };

  test.each(['done', 'interrupted'] as const)('to parameters that are not finite is refused before %s', async event => {
    expect(await run({ lr: 0.02 }, event)).toContain(event);
    await expect(run({ lr: 1e39 }, event)).rejects.toMatchObject({
      code: 'numerics',
      message: expect.stringMatching(/^default\/\S+ became (NaN|-?Infinity) by step 1: the run has diverged/),
    });
  });

  test('to logits that are not finite is refused, though the parameters are', async () => {
    expect(await run(huge, 'interrupted')).toContain('interrupted');
    await expect(run(huge, 'done')).rejects.toMatchObject({
      code: 'numerics',
      message: expect.stringMatching(/by step 1/),
    });
  });

  test('is found though a checkpoint of it was the last thing before the run was killed', async () => {
    const options = { optimizer: huge, epochs: undefined, steps: 1 };
    const first = await setUp(options);
    for await (const { type } of first.trainer.run()) if (type === 'step') break;
    const second = await setUp(options);
    await second.trainer.restore(await first.trainer.checkpoint());
    await expect(losses(second.trainer)).rejects.toMatchObject({ code: 'numerics' });
  });
});

test('an aborted run finishes its step and says so', async () => {
  const { trainer } = await setUp();
  const abort = new AbortController();
  const events: TrainEvent[] = [];
  for await (const event of trainer.run({ signal: abort.signal })) {
    events.push(event);
    if (events.length === 2) abort.abort();
  }
  expect(events.at(-1)).toEqual({ type: 'interrupted', step: 2 });
});

test('a thousand steps leave the number of tensors flat', async () => {
  const { trainer } = await setUp({ epochs: undefined, steps: 1000 });
  const counts: number[] = [];
  for await (const event of trainer.run()) if (event.type === 'step') counts.push(tf.memory().numTensors);
  expect(new Set(counts).size).toBe(1);
});

test('evaluation counts what it should', async () => {
  const metrics = new MetricsAccumulator(3);
  metrics.add(Float32Array.of(2, 1, 0, 0, 0, 5, 1, 0, 0), Int32Array.of(0, 2, 1));
  const { accuracy, meanPerClass, confusion, n } = metrics.result();
  expect({ accuracy, meanPerClass, n }).toEqual({ accuracy: 2 / 3, meanPerClass: 2 / 3, n: 3 });
  expect(confusion).toEqual([
    [1, 0, 0],
    [1, 0, 0],
    [0, 0, 1],
  ]);
  const { model, trainer } = await setUp({ epochs: 12 });
  const step = eagerEngine().compile(evaluationStep(model));
  const before = await evaluate(step, source());
  await losses(trainer);
  const after = await evaluate(step, source());
  expect(after.accuracy).toBeGreaterThan(before.accuracy);
  expect(after.n).toBe(24);
});
