import type { AdaptedModel, Batch, Engine, HostTensor } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { AdamW, type AdamWOptions, type UpdateScalars } from './adamw.ts';
import { inputOf } from './forward.ts';
import { accumulationStep, applicationStep, type StepOptions, trainingStep } from './step.ts';

export interface UpdateOptions extends StepOptions {
  readonly model: AdaptedModel;
  readonly engine: Engine;
  readonly optimizer: AdamWOptions;
  /** Batches whose gradients are averaged before each update. */
  readonly accumulate?: number;
}

/** What one update came to. */
export interface UpdateResult {
  /** The mean over its batches. */
  readonly loss: number;
  readonly gradientNorm: number;
}

/** The batches of an update: one, or those whose gradients are averaged. */
export type Batches = readonly [Batch, ...Batch[]];

/** An update of what is trainable now: its optimizer, and the steps as the engine has prepared them. */
export interface Update {
  readonly optimizer: AdamW;
  /** @param seedOf the seed of the random numbers for each of the batches */
  run(batches: Batches, scalars: UpdateScalars<HostTensor>, seedOf: (batch: number) => number): Promise<UpdateResult>;
  dispose(): Promise<void>;
}

/** The number in a scalar. */
const numberOf = ({ data }: HostTensor): number => data[0] ?? Number.NaN;

const inputsOf = (batch: Batch) => ({ ...inputOf(batch), labels: batch.labels });

/** Prepares an update over the model's trainable parameters. */
export function makeUpdate(options: UpdateOptions): Update {
  const parameters = [...options.model.trainable()].map(([, parameter]) => parameter);
  const optimizer = new AdamW(parameters, options.optimizer);
  const { accumulate = 1 } = options;
  return accumulate === 1 ? wholeUpdate(optimizer, options) : accumulatedUpdate(optimizer, accumulate, options);
}

/** Gradient and update of one batch, in one step. */
function wholeUpdate(optimizer: AdamW, options: UpdateOptions): Update {
  const step = options.engine.compile(trainingStep(options.model, optimizer, options));
  return {
    optimizer,
    async run([batch], scalars, seedOf) {
      const { loss, gradientNorm } = await step.run({ ...inputsOf(batch), ...scalars }, seedOf(0));
      return { loss: numberOf(loss), gradientNorm: numberOf(gradientNorm) };
    },
    async dispose() {
      optimizer.dispose(); // before the step, so that the engine frees its copies with it
      await step.dispose();
    },
  };
}

/** The gradient of each batch is added to a sum, which is then applied. */
function accumulatedUpdate(optimizer: AdamW, count: number, options: UpdateOptions): Update {
  const { model, engine } = options;
  const sum = tf.tidy(() => tf.keep(tf.variable(tf.zerosLike(optimizer.m), false)));
  const accumulate = engine.compile(accumulationStep(model, optimizer, sum, count, options));
  const apply = engine.compile(applicationStep(optimizer, sum, options));
  return {
    optimizer,
    async run(batches, scalars, seedOf) {
      let mean = 0;
      for (const [i, batch] of batches.entries()) {
        const { loss } = await accumulate.run(inputsOf(batch), seedOf(i));
        mean += numberOf(loss) / batches.length;
      }
      const { gradientNorm } = await apply.run(scalars);
      return { loss: mean, gradientNorm: numberOf(gradientNorm) };
    },
    async dispose() {
      optimizer.dispose();
      sum.dispose();
      await accumulate.dispose();
      await apply.dispose();
    },
  };
}
