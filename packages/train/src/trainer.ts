import { type AdaptedModel, type CompiledStep, check, type Engine, fold, key, PeftError } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { AdamW, type AdamWOptions } from './adamw.ts';
import type { Batch, BatchSource } from './batch.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { batchInputs } from './evaluate.ts';
import { constant, type Schedule } from './schedule.ts';
import { accumulationStep, applicationStep, type StepOptions, trainingStep } from './step.ts';

export interface TrainerOptions extends StepOptions {
  model: AdaptedModel;
  engine: Engine;
  source: BatchSource;
  optimizer: AdamWOptions;
  schedule?: Schedule;
  /** How long to train: whole epochs, or optimiser steps. */
  epochs?: number;
  steps?: number;
  /** Batches whose gradients are averaged before each update. */
  accumulate?: number;
  /** Dropout and stochastic depth. The order of the pictures is the source's matter. */
  seed?: number;
}

/** What a run tells as it goes. */
export type TrainEvent =
  | { type: 'step'; step: number; epoch: number; loss: number; lr: number; gradientNorm: number; ms: number }
  | { type: 'epoch'; epoch: number; meanLoss: number }
  | { type: 'interrupted'; step: number }
  | { type: 'done'; steps: number };

/**
 * A training run that can be stopped, saved and gone on with, bit by bit.
 *
 * ```ts
 * const trainer = new Trainer({ model, engine, source, optimizer: { lr: 1e-3 }, epochs: 10 });
 * for await (const event of trainer.run()) if (event.type === 'step') console.log(event.loss);
 * ```
 */
export class Trainer {
  readonly options: TrainerOptions;
  readonly optimizer: AdamW;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  #step = 0;
  readonly #names: string[];
  readonly #accumulated: tf.Variable | undefined;
  readonly #compiled: CompiledStep[];

  constructor(options: TrainerOptions) {
    this.options = options;
    const { model, engine, source, epochs, steps, accumulate = 1 } = options;
    check(
      epochs !== undefined || steps !== undefined,
      'bad-argument',
      () => 'Give the number of epochs or of steps to train.',
    );
    check(
      Number.isInteger(accumulate) && accumulate > 0,
      'bad-argument',
      () => `accumulate is ${accumulate}; it must be 1 or more.`,
    );
    this.stepsPerEpoch = Math.floor(source.length / accumulate);
    check(this.stepsPerEpoch > 0, 'bad-argument', () => {
      return `An epoch has ${source.length} whole batches, fewer than one step of ${accumulate}; use a smaller batch or more pictures.`;
    });
    this.totalSteps = steps ?? (epochs as number) * this.stepsPerEpoch;
    const trainable = [...model.trainable()];
    this.#names = trainable.map(([path]) => path);
    this.optimizer = new AdamW(
      trainable.map(([, parameter]) => parameter),
      options.optimizer,
    );
    if (accumulate === 1) {
      this.#compiled = [engine.compile(trainingStep(model, this.optimizer, options))];
    } else {
      this.#accumulated = tf.tidy(() => tf.keep(tf.variable(tf.zerosLike(this.optimizer.m), false)));
      this.#compiled = [
        engine.compile(accumulationStep(model, this.optimizer, this.#accumulated, accumulate, options)),
        engine.compile(applicationStep(this.optimizer, this.#accumulated, options)),
      ];
    }
  }

  /** Optimiser steps done. */
  get step(): number {
    return this.#step;
  }

  /** Trains from where it is to the end, or until the signal aborts: then the step under way is finished first. */
  async *run({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<TrainEvent> {
    const { source, accumulate = 1 } = this.options;
    while (this.#step < this.totalSteps) {
      const epoch = Math.floor(this.#step / this.stepsPerEpoch);
      const first = this.#step % this.stepsPerEpoch;
      let lossSum = 0;
      let batches: Batch[] = [];
      for await (const batch of source.batches(epoch, first * accumulate)) {
        batches.push(batch);
        if (batches.length < accumulate) continue;
        const event = await this.#runStep(batches, epoch);
        batches = [];
        lossSum += event.loss;
        yield event;
        if (signal?.aborted) {
          yield { type: 'interrupted', step: this.#step };
          return;
        }
        if (this.#step % this.stepsPerEpoch === 0 || this.#step >= this.totalSteps) break;
      }
      const done = this.#step - epoch * this.stepsPerEpoch - first;
      check(done > 0, 'bad-file', () => `The data of epoch ${epoch} ended before its first batch.`);
      yield { type: 'epoch', epoch, meanLoss: lossSum / done };
    }
    yield { type: 'done', steps: this.#step };
  }

  async #runStep(batches: Batch[], epoch: number): Promise<Extract<TrainEvent, { type: 'step' }>> {
    const { source, optimizer, schedule = constant, seed = 0 } = this.options;
    const started = performance.now();
    const step = this.#step;
    const lr = schedule(optimizer.lr, { step, stepsPerEpoch: this.stepsPerEpoch, totalSteps: this.totalSteps });
    const scalars = this.optimizer.inputs(step + 1, lr);
    const randomOf = (batch: number): number => fold(fold(key(seed), step), batch).state;
    const [train, apply] = this.#compiled;
    let loss = 0;
    let gradientNorm = 0;
    for (const [i, batch] of batches.entries()) {
      const inputs = batchInputs(batch, source.size);
      const outputs = await train.run(apply ? inputs : { ...inputs, ...scalars }, randomOf(i));
      loss += outputs.loss.data[0] / batches.length;
      gradientNorm = outputs.gradientNorm?.data[0] ?? gradientNorm;
    }
    if (apply) gradientNorm = (await apply.run(scalars)).gradientNorm.data[0];
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      throw new PeftError(
        'numerics',
        `The ${Number.isFinite(loss) ? 'gradient' : 'loss'} became ${Number.isFinite(loss) ? gradientNorm : loss} at step ` +
          `${step + 1} (learning rate ${lr.toExponential(2)}); use a lower learning rate or clip the gradient.`,
      );
    }
    this.#step++;
    return { type: 'step', step: this.#step, epoch, loss, lr, gradientNorm, ms: performance.now() - started };
  }

  /** All that going on needs: the trained parameters, the optimiser's moments and the place in the run. */
  async checkpoint(): Promise<Uint8Array> {
    await this.options.engine.sync();
    return writeCheckpoint(this.#names, this.optimizer, {
      step: this.#step,
      totalSteps: this.totalSteps,
      seed: this.options.seed ?? 0,
    });
  }

  /** Goes back to a checkpoint of this very run; the next step is the one that would have come. */
  async restore(bytes: Uint8Array, source = 'checkpoint'): Promise<void> {
    const place = { step: this.#step, totalSteps: this.totalSteps, seed: this.options.seed ?? 0 };
    this.#step = readCheckpoint(bytes, source, this.#names, this.optimizer, place).step;
    this.options.engine.invalidate('values');
  }

  async dispose(): Promise<void> {
    for (const step of this.#compiled) await step.dispose();
    this.optimizer.dispose();
    this.#accumulated?.dispose();
  }
}
