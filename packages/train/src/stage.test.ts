import {
  type AdaptedModel,
  adapt,
  adaptformer,
  eagerEngine,
  initialize,
  key,
  Linear,
  type Method,
  Module,
} from '@peft/core';
import type { AdaptFormerConfig, LowRank, Scores } from '@peft/core/method';
import { brightestChannel, tensorOf } from '@peft/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { passStage, stageOf, Trainer, type TrainerOptions } from './index.ts';

class Net extends Module {
  readonly layers = [new Linear(12, 12), new Linear(12, 12), new Linear(12, 12)];
  readonly head = new Linear(12, 3);
  forward(images: tf.Tensor): tf.Tensor {
    const x = tf.reshape(images, [images.shape[0], -1]);
    return this.head.call(this.layers.reduce((h, layer) => tf.tanh(layer.call(h)), x));
  }
}

const source = brightestChannel({ side: 2 });

interface Weakest {
  scores: Record<string, number>;
  frozen: string;
}

type WeakestOptions = Partial<AdaptFormerConfig> & { findings?: Weakest };

/** A method of one stage: after an epoch, the target that matters least is trained no more. */
function freezeWeakest({ findings, ...pair }: WeakestOptions = {}): Method<AdaptFormerConfig, LowRank, Weakest> {
  const base = adaptformer({ targets: 'layers.*', r: 2, act: 'identity', modulesToSave: ['head'], ...pair });
  const { config } = base;
  const next = (found: Scores): Method => {
    const sums = Object.fromEntries([...found].map(([id, [score]]) => [id, Math.abs(score)]));
    const [[weakest]] = Object.entries(sums).sort(([, a], [, b]) => a - b);
    return freezeWeakest({ ...config, findings: { scores: sums, frozen: weakest } });
  };
  return {
    ...base,
    findings,
    type: 'weakest',
    parameters: (target, targets) => {
      const { A, B } = base.parameters(target, targets);
      const frozen = target.id === findings?.frozen;
      return { A: { ...A, frozen }, B: { ...B, frozen } };
    },
    ...(!findings && {
      stage: {
        name: 'freeze the weakest',
        after: () => 1,
        gate: () => ({ on: 'delta' as const, groups: 1 }),
        aggregation: 'none' as const,
        next: found => ({ method: next(found) }),
        resume: found => freezeWeakest({ ...config, findings: found as unknown as Weakest }),
      },
    }),
  };
}

const found = (model: AdaptedModel): Weakest => model.get('default').method.findings as Weakest;

async function setUp(options: Partial<TrainerOptions> = {}): Promise<{ model: AdaptedModel; trainer: Trainer }> {
  const model = adapt(initialize(new Net(), key(5)));
  await model.add('default', freezeWeakest(), { key: key(6) });
  const defaults = { model, engine: eagerEngine(), source, optimizer: { lr: 0.02 }, epochs: 3, seed: 1 };
  return { model, trainer: new Trainer({ ...defaults, ...options }) };
}

async function run(trainer: Trainer, until = Number.POSITIVE_INFINITY): Promise<string[]> {
  const events: string[] = [];
  for await (const event of trainer.run()) {
    events.push(event.type === 'step' ? String(event.loss) : event.type);
    if (trainer.step >= until) break;
  }
  return events;
}

const valuesOf = async (model: AdaptedModel): Promise<Float32Array[]> =>
  Promise.all([...model.get('default').parameters()].map(([, parameter]) => parameter.get()));

describe('a stage in a run', () => {
  test('comes when it is due, keeps the values, and what it froze stays', async () => {
    const { model, trainer } = await setUp();
    const before = tf.memory().numTensors;
    const first = await run(trainer, 4);
    expect(first).not.toContain('stage');
    const rest = await run(trainer);
    expect(rest.indexOf('stage')).toBe(0);
    const { scores, frozen } = found(model);
    expect(Object.keys(scores)).toEqual(['layers.0', 'layers.1', 'layers.2']);
    expect(stageOf(model.get('default'))).toBeUndefined();
    expect([...model.trainable()].map(([path]) => path)).not.toContain(`default/${frozen}.A`);
    expect([...model.trainable()].length).toBe(6);
    await trainer.dispose();
    expect(tf.memory().numTensors).toBe(before - 2); // the optimizer's moments
  });

  test('scores by the derivative of the loss by what a target adds', async () => {
    const { model, trainer } = await setUp({ epochs: 2 });
    await run(trainer, 4);
    const adapter = model.get('default');
    const [{ parameters }] = adapter.plan.byTarget;
    const loss = async (scale: number): Promise<number> => {
      let sum = 0;
      for await (const { images, labels } of source.batches(0)) {
        const scaled = tf.tidy(() => {
          const B = parameters.B.value;
          const start = tf.clone(B);
          B.assign(tf.mul(start, scale));
          const logits = model.call(tensorOf(images));
          const one = tf.mul(tf.oneHot(tensorOf(labels), 3), tf.logSoftmax(logits as tf.Tensor2D));
          B.assign(start);
          return tf.neg(tf.div(tf.sum(one), 6));
        });
        sum += (await scaled.data())[0];
        scaled.dispose();
      }
      return sum;
    };
    const numeric = ((await loss(1.01)) - (await loss(0.99))) / 0.02;
    const stage = stageOf(adapter);
    if (!stage) throw new Error('no stage');
    const after = await passStage(model, adapter, stage, { engine: eagerEngine(), source });
    const { scores } = after.method.findings as Weakest;
    expect(scores?.['layers.0']).toBeCloseTo(Math.abs(numeric), 3);
    await trainer.dispose();
  });

  test.each([2, 4, 5, 9])(
    'stopped after step %i and gone on with in another process, it ends bit by bit the same',
    async at => {
      const whole = await setUp();
      await run(whole.trainer);
      const first = await setUp();
      await run(first.trainer, at);
      const second = await setUp();
      await second.trainer.restore(await first.trainer.checkpoint());
      await run(second.trainer);
      expect(await valuesOf(second.model)).toEqual(await valuesOf(whole.model));
      expect(found(second.model)).toEqual(found(whole.model));
    },
  );

  test('a checkpoint from before the stage can be gone back to', async () => {
    const { model, trainer } = await setUp();
    await run(trainer, 2);
    const early = await trainer.checkpoint();
    const first = (await run(trainer)).slice(-6);
    await trainer.restore(early);
    expect(stageOf(model.get('default'))).toBeDefined();
    expect((await run(trainer)).slice(-6)).toEqual(first);
  });

  test('a checkpoint of other options is refused', async () => {
    const { trainer } = await setUp();
    const model = adapt(initialize(new Net(), key(5)));
    await model.add('default', freezeWeakest({ r: 3 }), { key: key(6) });
    const other = new Trainer({ model, engine: eagerEngine(), source, optimizer: { lr: 0.02 }, epochs: 3, seed: 1 });
    await expect(other.restore(await trainer.checkpoint())).rejects.toThrow(
      'methods.default.config.r: 2 in the checkpoint, 3 now',
    );
  });

  test('that would come after the end of the run is refused at the start', async () => {
    await expect(setUp({ epochs: 1 })).rejects.toThrow(
      'Adapter "default" (weakest) is to freeze the weakest at step 4, but the run has 4 steps',
    );
  });

  test('that only renews what an earlier one found may never come', async () => {
    const model = adapt(initialize(new Net(), key(5)));
    const { stage, ...method } = freezeWeakest();
    await model.add('default', { ...method, ...(stage && { stage: { ...stage, optional: true } }) }, { key: key(6) });
    const { trainer } = await setUp({ model, epochs: 1 });
    expect(await run(trainer)).not.toContain('stage');
  });

  test('is left out where the user has frozen the adapter', async () => {
    const { model } = await setUp();
    model.setTrainable(() => false);
    expect(stageOf(model.get('default'))).toBeUndefined();
  });
});
