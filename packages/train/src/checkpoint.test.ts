import { adapt, eagerEngine, initialize, key, parseSafetensors, serializeSafetensors, toFloat32 } from '@peft/core';
import { lora } from '@peft/lora';
import { brightestChannel, follow } from '@peft/testing';
import * as tf from '@tensorflow/tfjs-core';
import { assert, asyncProperty, jsonValue } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Net } from '../test/net.ts';
import { cosine, linearDecay, Trainer, type TrainerOptions } from './index.ts';

interface Options extends Partial<TrainerOptions> {
  r?: number;
  scale?: number;
}

async function setUp({ r = 2, scale = 1, ...options }: Options = {}): Promise<Trainer> {
  const model = adapt(initialize(new Net(), key(5)));
  const method = lora({ targets: ['body'], r, alpha: scale * r, modulesToSave: ['head'] });
  await model.add('default', method, { key: key(6) });
  const source = brightestChannel({ side: 2 });
  return new Trainer({ model, engine: eagerEngine(), source, optimizer: { lr: 0.02 }, epochs: 3, seed: 1, ...options });
}

const source = { ...brightestChannel({ side: 2 }), batchSize: 6 };

describe('a checkpoint of another run is refused, and named is what differs', () => {
  test.each<[what: string, saved: Options, now: Options, named: string]>([
    ['seed', {}, { seed: 2 }, 'seed: 1 in the checkpoint, 2 now'],
    ['length', {}, { epochs: 4 }, 'totalSteps: 12 in the checkpoint, 16 now'],
    ['learning rate', {}, { optimizer: { lr: 0.01 } }, 'optimizer.lr: 0.02 in the checkpoint, 0.01 now'],
    [
      'weight decay',
      {},
      { optimizer: { lr: 0.02, weightDecay: 0.1 } },
      'optimizer.weightDecay: 0 in the checkpoint, 0.1 now',
    ],
    ['momentum', {}, { optimizer: { lr: 0.02, beta2: 0.99 } }, 'optimizer.beta2: 0.999 in the checkpoint, 0.99 now'],
    ['schedule', { schedule: cosine() }, { schedule: linearDecay }, 'learningRates: ['],
    ['accumulation', {}, { accumulate: 2, steps: 12, epochs: undefined }, 'accumulate: 1 in the checkpoint, 2 now'],
    ['smoothing', {}, { smoothing: 0.1 }, 'smoothing: 0 in the checkpoint, 0.1 now'],
    ['clipping', { clipNorm: 1 }, {}, 'clipNorm: 1 in the checkpoint, null now'],
    ['batch', { source }, { source: { ...source, batchSize: 5 } }, 'batchSize: 6 in the checkpoint, 5 now'],
    [
      'pictures',
      {},
      { source: brightestChannel({ side: 2, batches: 5 }), steps: 12, epochs: undefined },
      'batchesPerEpoch: 4 in the checkpoint, 5 now',
    ],
    ['image size', {}, { source: { ...source, size: [2, 3] } }, 'imageSize: [2,2] in the checkpoint, [2,3] now'],
    ['method', {}, { scale: 2 }, 'methods.default.config.alpha: 2 in the checkpoint, 4 now'],
    [
      'weights',
      { recipe: { weights: 'ab' } },
      { recipe: { weights: 'cd' } },
      'weights: "ab" in the checkpoint, "cd" now',
    ],
    [
      'augmentation',
      { recipe: {} },
      { recipe: { data: { augment: 'flip' } } },
      'data.augment: not set in the checkpoint, "flip" now',
    ],
    ['order', { recipe: { shuffle: true } }, {}, 'shuffle: true in the checkpoint, not set now'],
  ])('%s', async (_, saved, now, named) => {
    const bytes = await (await setUp(saved)).checkpoint();
    await (await setUp(saved)).restore(bytes, 'run.ckpt');
    const refusal = { code: 'bad-argument', message: expect.stringMatching(/^run\.ckpt is of another run:\n/) };
    const other = await setUp(now);
    const restored = other.restore(bytes, 'run.ckpt');
    await expect(restored).rejects.toMatchObject(refusal);
    await expect(restored).rejects.toThrow(named);
    expect(other.step).toBe(0);
  });

  test('all at once; forced, it goes on and tells them', async () => {
    const first = await setUp();
    await follow(first, 3);
    const bytes = await first.checkpoint();
    const now = { seed: 3, recipe: { shuffle: false } };
    await expect((await setUp(now)).restore(bytes)).rejects.toThrow(/seed: 1 .*\n.*shuffle: not set/);
    const second = await setUp(now);
    expect(await second.restore(bytes, 'run.ckpt', { force: true })).toEqual([
      { field: 'seed', saved: 1, now: 3 },
      { field: 'shuffle', saved: undefined, now: false },
    ]);
    expect((await follow(second)).losses).toHaveLength(9);
    const scaled = await setUp({ scale: 2 });
    expect(await scaled.restore(bytes, 'run.ckpt', { force: true })).toMatchObject([{ saved: 2, now: 4 }]);
    await expect((await setUp({ r: 3 })).restore(bytes, 'run.ckpt', { force: true })).rejects.toMatchObject({
      code: 'bad-file',
    });
    const short = await setUp({ epochs: undefined, steps: 2 });
    await expect(short.restore(bytes, 'run.ckpt', { force: true })).rejects.toThrow('ends at step 2');
  });
});

describe('what a run keeps of its past', () => {
  test('the loss of every step, from before a checkpoint too', async () => {
    const whole = await setUp();
    const { losses } = await follow(whole);
    expect(whole.losses).toEqual(losses);
    const [first, second] = [await setUp(), await setUp()];
    await follow(first, 5);
    await second.restore(await first.checkpoint());
    expect(second.losses).toEqual(losses.slice(0, 5));
    await follow(second);
    expect(second.losses).toEqual(losses);
  });

  test('in what it was forced to differ, though it goes on unforced later', async () => {
    const [first, forced, plain] = [await setUp(), await setUp({ seed: 2 }), await setUp({ seed: 2 })];
    await follow(first, 2);
    await forced.restore(await first.checkpoint(), 'run.ckpt', { force: true });
    await plain.restore(await forced.checkpoint());
    expect(plain.resumedDespite).toEqual([{ field: 'seed', saved: 1, now: 2 }]);
  });

  test('an identity of its own is compared in the place of all options', async () => {
    const first = await setUp({ identity: { lr: 0.02, seed: 1 } });
    const bytes = await first.checkpoint();
    const other = await setUp({ identity: { lr: 0.01, seed: 1 }, optimizer: { lr: 0.01 }, scale: 2 });
    const restored = other.restore(bytes, 'run.ckpt');
    await expect(restored).rejects.toThrow(
      'run.ckpt is of another run:\n  lr: 0.02 in the checkpoint, 0.01 now\n  methods.default.config.alpha: 2 in',
    );
  });
});

describe('a damaged checkpoint', () => {
  /** The checkpoint with other metadata, or other values of a tensor. */
  const altered = (bytes: Uint8Array, change: (place: Record<string, unknown>) => unknown): Uint8Array => {
    const { tensors, metadata } = parseSafetensors(bytes, 'x');
    const place = change(JSON.parse(metadata.place) as Record<string, unknown>);
    return serializeSafetensors(tensors, { ...metadata, place: JSON.stringify(place) ?? '' });
  };

  test('of wrong types is a bad-file that names the field, whatever they are', async () => {
    const trainer = await setUp();
    const bytes = await trainer.checkpoint();
    for (const field of ['step', 'optimizerStart', 'initial', 'methods', 'losses', 'resumedDespite', 'run', 'recipe']) {
      const missing = trainer.restore(
        altered(bytes, ({ [field]: _, ...place }) => place),
        'run.ckpt',
      );
      await expect(missing).rejects.toThrow(`run.ckpt: "${field}" of its place in the run must be`);
      await assert(
        asyncProperty(jsonValue(), async value => {
          const restored = trainer.restore(
            altered(bytes, place => ({ ...place, [field]: value })),
            'run.ckpt',
          );
          const error: unknown = await restored.then(
            () => undefined,
            cause => cause,
          );
          if (error) expect(error).toMatchObject({ name: 'PeftError', message: expect.stringContaining('run.ckpt') });
        }),
        { numRuns: 30, seed: 7 },
      );
    }
    for (const place of [null, 3, [], 'x']) {
      await expect(trainer.restore(altered(bytes, () => place))).rejects.toThrow('must be an object');
    }
    await expect(trainer.restore(altered(bytes, () => undefined))).rejects.toThrow('is not valid JSON');
  });

  test('with a number that is not finite is neither written nor read', async () => {
    const trainer = await setUp();
    const { tensors, metadata } = parseSafetensors(await trainer.checkpoint(), 'x');
    for (const [path, tensor] of tensors) {
      const { bytes, ...rest } = tensor;
      const spoilt = toFloat32(tensor).slice();
      spoilt[spoilt.length - 1] = Number.NaN;
      const changed = new Map(tensors).set(path, { ...rest, bytes: new Uint8Array(spoilt.buffer) });
      const restored = trainer.restore(serializeSafetensors(changed, metadata), 'run.ckpt');
      await expect(restored).rejects.toMatchObject({
        code: 'bad-file',
        message: expect.stringContaining(`run.ckpt: ${path} has NaN`),
      });
    }
    tf.tidy(() => trainer.optimizer.v.assign(tf.fill(trainer.optimizer.v.shape, Number.POSITIVE_INFINITY)));
    await expect(trainer.checkpoint()).rejects.toMatchObject({
      code: 'numerics',
      message: expect.stringContaining('adamw/v became Infinity by step 0'),
    });
  });

  test('of an earlier format is refused with both formats', async () => {
    const old = serializeSafetensors([], { format: 'peft-checkpoint-2' });
    await expect((await setUp()).restore(old, 'run.ckpt')).rejects.toThrow(
      'run.ckpt is not a checkpoint that this version reads: its format is "peft-checkpoint-2", not "peft-checkpoint-5".',
    );
  });
});
