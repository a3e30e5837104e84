import {
  type AdaptedModel,
  type Adapter,
  type CompiledStep,
  check,
  type Engine,
  fold,
  key,
  type Method,
  PeftError,
  type Stage,
} from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { AdamW, type AdamWOptions } from './adamw.ts';
import type { Batch, BatchSource } from './batch.ts';
import {
  type MethodRecords,
  openCheckpoint,
  type RunIdentity,
  recordsOf,
  restoreMethods,
  restoreValues,
  writeCheckpoint,
} from './checkpoint.ts';
import { batchInputs } from './evaluate.ts';
import { constantRate, type Schedule } from './schedule.ts';
import { passStage, stageOf } from './stage.ts';
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
  | { type: 'stage'; step: number; adapter: string; stage: string; ms: number }
  | { type: 'epoch'; epoch: number; meanLoss: number }
  | { type: 'interrupted'; step: number }
  | { type: 'done'; steps: number };

/** What runs the steps: the optimiser over what is trainable now, and the steps as the engine has prepared them. */
interface Machinery {
  readonly optimizer: AdamW;
  /** The sum of gradients, where they are accumulated. */
  readonly accumulated: tf.Variable | undefined;
  readonly steps: readonly CompiledStep[];
}

function assemble(options: TrainerOptions): Machinery {
  const { model, engine, accumulate = 1 } = options;
  const parameters = [...model.trainable()].map(([, parameter]) => parameter);
  const optimizer = new AdamW(parameters, options.optimizer);
  if (accumulate === 1) {
    const steps = [engine.compile(trainingStep(model, optimizer, options))];
    return { optimizer, accumulated: undefined, steps };
  }
  const accumulated = tf.tidy(() => tf.keep(tf.variable(tf.zerosLike(optimizer.m), false)));
  const steps = [
    engine.compile(accumulationStep(model, optimizer, accumulated, accumulate, options)),
    engine.compile(applicationStep(optimizer, accumulated, options)),
  ];
  return { optimizer, accumulated, steps };
}

/** The variables go first, so that the engine lets go of its copies with the steps. */
async function takeApart({ steps, optimizer, accumulated }: Machinery): Promise<void> {
  optimizer.dispose();
  accumulated?.dispose();
  for (const step of steps) await step.dispose();
}

/**
 * A training run that can be stopped, saved and gone on with, bit by bit. Methods that have stages pass them as they fall
 * due: the optimiser then starts anew over what is trainable, and the schedule goes on.
 *
 * ```ts
 * const trainer = new Trainer({ model, engine, source, optimizer: { lr: 1e-3 }, epochs: 10 });
 * for await (const event of trainer.run()) if (event.type === 'step') console.log(event.loss);
 * ```
 */
export class Trainer {
  readonly options: TrainerOptions;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  #step = 0;
  #optimizerStart = 0;
  #machinery: Machinery;
  /** What the adapters were before any stage. */
  readonly #initial: ReadonlyMap<string, Method>;
  readonly #initialRecords: MethodRecords;

  constructor(options: TrainerOptions) {
    this.options = options;
    const { model, source, epochs, steps, accumulate = 1 } = options;
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
    for (const adapter of model.active) {
      const stage = stageOf(adapter);
      check(
        !stage || stage.repeats || this.#dueAt(stage) < this.totalSteps,
        'bad-argument',
        () =>
          `Adapter "${adapter.name}" (${adapter.method.type}) is to ${stage?.name} at step ${stage && this.#dueAt(stage)}, ` +
          `but the run has ${this.totalSteps} steps; train longer, or let it come earlier.`,
      );
    }
    this.#initial = new Map(model.active.map(({ name, method }) => [name, method]));
    this.#initialRecords = recordsOf(model);
    this.#machinery = assemble(options);
  }

  /** Optimiser steps done. */
  get step(): number {
    return this.#step;
  }

  /** The optimiser over what is trainable now. */
  get optimizer(): AdamW {
    return this.#machinery.optimizer;
  }

  /**
   * Trains from where it is to the end, or until the signal aborts: then the step under way is finished first. When it yields
   * `epoch`, `interrupted` or `done`, the parameters hold what was trained so far.
   *
   * @throws PeftError `numerics` if the loss or a gradient is no longer finite
   */
  async *run({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<TrainEvent> {
    const { engine, source, accumulate = 1 } = this.options;
    while (this.#step < this.totalSteps) {
      const epoch = Math.floor(this.#step / this.stepsPerEpoch);
      const first = this.#step % this.stepsPerEpoch;
      let lossSum = 0;
      let batches: Batch[] = [];
      for await (const batch of source.batches(epoch, first * accumulate)) {
        batches.push(batch);
        if (batches.length < accumulate) continue;
        yield* this.#passStages();
        const event = await this.#runStep(batches, epoch);
        batches = [];
        lossSum += event.loss;
        yield event;
        if (signal?.aborted) {
          await engine.sync();
          yield { type: 'interrupted', step: this.#step };
          return;
        }
        if (this.#step % this.stepsPerEpoch === 0 || this.#step >= this.totalSteps) break;
      }
      const done = this.#step - epoch * this.stepsPerEpoch - first;
      check(done > 0, 'bad-file', () => `The data of epoch ${epoch} ended before its first batch.`);
      await engine.sync();
      yield { type: 'epoch', epoch, meanLoss: lossSum / done };
    }
    yield { type: 'done', steps: this.#step };
  }

  /** The step before which a stage comes. */
  #dueAt(stage: Stage): number {
    return Math.round(stage.after(this.totalSteps / this.stepsPerEpoch) * this.stepsPerEpoch);
  }

  /** Passes the stages that are due, one after the other. */
  async *#passStages(): AsyncGenerator<TrainEvent> {
    const { model } = this.options;
    const isDue = (adapter: Adapter): boolean => {
      const stage = stageOf(adapter);
      return stage !== undefined && this.#dueAt(stage) <= this.#step;
    };
    for (let due = model.active.find(isDue); due; due = model.active.find(isDue)) {
      const started = performance.now();
      const stage = stageOf(due) as Stage;
      await passStage(model, due, stage, this.options);
      await this.#reassemble();
      const ms = performance.now() - started;
      yield { type: 'stage', step: this.#step, adapter: due.name, stage: stage.name, ms };
    }
  }

  /** Starts the optimiser anew over what is trainable now. */
  async #reassemble(): Promise<void> {
    await takeApart(this.#machinery);
    this.#machinery = assemble(this.options);
    this.#optimizerStart = this.#step;
    this.options.engine.invalidate();
  }

  async #runStep(batches: Batch[], epoch: number): Promise<Extract<TrainEvent, { type: 'step' }>> {
    const { source, schedule = constantRate, seed = 0 } = this.options;
    const { optimizer, steps } = this.#machinery;
    const started = performance.now();
    const step = this.#step;
    const lr = schedule(this.options.optimizer.lr, {
      step,
      stepsPerEpoch: this.stepsPerEpoch,
      totalSteps: this.totalSteps,
    });
    const scalars = optimizer.inputs(step - this.#optimizerStart + 1, lr);
    const randomOf = (batch: number): number => fold(fold(key(seed), step), batch).state;
    const [train, apply] = steps;
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

  get #identity(): RunIdentity {
    return { totalSteps: this.totalSteps, seed: this.options.seed ?? 0 };
  }

  /** All that going on needs: the trained parameters, the optimiser's moments, the stages passed and the place in the run. */
  async checkpoint(): Promise<Uint8Array> {
    const { engine, model } = this.options;
    await engine.sync();
    return writeCheckpoint(model, this.optimizer, {
      ...this.#identity,
      step: this.#step,
      optimizerStart: this.#optimizerStart,
      initial: this.#initialRecords,
      methods: recordsOf(model),
    });
  }

  /** Goes back to a checkpoint of this very run; the next step is the one that would have come. */
  async restore(bytes: Uint8Array, source = 'checkpoint'): Promise<void> {
    const { model } = this.options;
    const checkpoint = openCheckpoint(bytes, source, this.#identity);
    await restoreMethods(model, this.#initial, checkpoint);
    await this.#reassemble();
    restoreValues(checkpoint, model, this.optimizer);
    this.#step = checkpoint.place.step;
    this.#optimizerStart = checkpoint.place.optimizerStart;
  }

  async dispose(): Promise<void> {
    await takeApart(this.#machinery);
  }
}
