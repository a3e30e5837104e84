import { type ModelInput, type Parameter, type Step, softmaxCrossEntropy } from '@peft/core';
import { valueAndGrads, withScope } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { type AdamW, flatten, type UpdateScalars } from './adamw.ts';
import { type Callable, forwardOf, type ModelSplit } from './forward.ts';

/** A batch inside a step: what the model takes, and `labels [B]`. */
export type BatchTensors = ModelInput<tf.Tensor> & { readonly labels: tf.Tensor };

/** What the loss of a step is made of. */
export interface LossOptions {
  /** Label smoothing, in [0, 1). */
  smoothing?: number;
  /** The cut of the model, for batches of features. */
  split?: ModelSplit;
}

/** The mean cross entropy of a batch and its gradient, all parameters as one vector. Must run inside a tidy. */
function lossAndGradient(
  model: Callable,
  parameters: readonly Parameter[],
  batch: BatchTensors,
  { smoothing = 0, split }: LossOptions,
): { loss: tf.Tensor; gradient: tf.Tensor1D } {
  const variables = parameters.map(({ value }) => value);
  const forward = forwardOf(model, split);
  const loss = (): tf.Scalar => tf.mean(softmaxCrossEntropy(forward(batch), batch.labels, smoothing));
  const { value, grads } = withScope({ training: true }, () => valueAndGrads(loss, variables));
  return { loss: value, gradient: flatten(variables.map(({ shape }, i) => grads[i] ?? tf.zeros(shape))) };
}

/** Scales a gradient down to the given Euclidean norm if it is larger (`torch.nn.utils.clip_grad_norm_`). */
function clip(gradient: tf.Tensor1D, length: tf.Tensor, limit: number | undefined): tf.Tensor {
  if (limit === undefined) return gradient;
  return tf.mul(gradient, tf.minimum(tf.div(limit, tf.add(length, 1e-6)), 1));
}

const lengthOf = (gradient: tf.Tensor): tf.Tensor => tf.sqrt(tf.sum(tf.square(gradient)));

export interface StepOptions extends LossOptions {
  /** Clips the gradient to this Euclidean norm. */
  clipNorm?: number;
}

/** Forward, backward, clipping and update: a batch and the optimizer's scalars in, `loss` and `gradientNorm` out. */
export const trainingStep =
  (
    model: Callable,
    optimizer: AdamW,
    options: StepOptions,
  ): Step<BatchTensors & UpdateScalars<tf.Tensor>, { loss: tf.Tensor; gradientNorm: tf.Tensor }> =>
  inputs => {
    const { loss, gradient } = lossAndGradient(model, optimizer.parameters, inputs, options);
    const gradientNorm = lengthOf(gradient);
    optimizer.update(clip(gradient, gradientNorm, options.clipNorm), inputs);
    return { loss, gradientNorm };
  };

/** The first part of an accumulated step: adds a batch's gradient, divided by the number of batches, to `sum`. */
export const accumulationStep =
  (
    model: Callable,
    optimizer: AdamW,
    sum: tf.Variable,
    batches: number,
    options: LossOptions,
  ): Step<BatchTensors, { loss: tf.Tensor }> =>
  batch => {
    const { loss, gradient } = lossAndGradient(model, optimizer.parameters, batch, options);
    sum.assign(tf.add(sum, tf.div(gradient, batches)));
    return { loss };
  };

/** The second part: clips and applies the sum, and resets it to zero. */
export const applicationStep =
  (
    optimizer: AdamW,
    sum: tf.Variable,
    { clipNorm }: StepOptions,
  ): Step<UpdateScalars<tf.Tensor>, { gradientNorm: tf.Tensor }> =>
  scalars => {
    const gradient = tf.clone(sum) as tf.Tensor1D;
    const gradientNorm = lengthOf(gradient);
    optimizer.update(clip(gradient, gradientNorm, clipNorm), scalars);
    sum.assign(tf.zerosLike(sum));
    return { gradientNorm };
  };

/** The forward pass in evaluation: pictures in, or features of a model that is split; `logits [B, C]` out. */
export const evaluationStep = (
  model: Callable,
  split?: ModelSplit,
): Step<ModelInput<tf.Tensor>, { logits: tf.Tensor }> => {
  const forward = forwardOf(model, split);
  return input => withScope({ training: false }, () => ({ logits: forward(input) }));
};
