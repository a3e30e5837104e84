import { type AdaptedModel, type Parameter, type Step, softmaxCrossEntropy } from '@peft/core';
import { valueAndGrads, withScope } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { type AdamW, flatten } from './adamw.ts';

export interface LossOptions {
  /** Label smoothing, in [0, 1). */
  smoothing?: number;
}

/** The mean cross entropy of a batch and its gradient, all parameters as one vector. Must run inside a tidy. */
function lossAndGradient(
  model: AdaptedModel,
  parameters: readonly Parameter[],
  { images, labels }: Record<string, tf.Tensor>,
  { smoothing = 0 }: LossOptions,
): { loss: tf.Tensor; gradient: tf.Tensor1D } {
  const variables = parameters.map(({ value }) => value);
  const { value, grads } = withScope({ training: true }, () =>
    valueAndGrads(() => tf.mean(softmaxCrossEntropy(model.call(images), labels, smoothing)) as tf.Scalar, variables),
  );
  return { loss: value, gradient: flatten(grads.map((grad, i) => grad ?? tf.zeros(variables[i].shape))) };
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

/** Forward, backward, clipping and update: `images [B, H, W, 3]`, `labels [B]` and the optimizer's scalars in, `loss` out. */
export const trainingStep =
  (model: AdaptedModel, optimizer: AdamW, options: StepOptions): Step =>
  inputs => {
    const { loss, gradient } = lossAndGradient(model, optimizer.parameters, inputs, options);
    const gradientNorm = lengthOf(gradient);
    optimizer.update(clip(gradient, gradientNorm, options.clipNorm), inputs);
    return { loss, gradientNorm };
  };

/** The first part of an accumulated step: adds a batch's gradient, divided by the number of batches, to `sum`. */
export const accumulationStep =
  (model: AdaptedModel, optimizer: AdamW, sum: tf.Variable, batches: number, options: LossOptions): Step =>
  inputs => {
    const { loss, gradient } = lossAndGradient(model, optimizer.parameters, inputs, options);
    sum.assign(tf.add(sum, tf.div(gradient, batches)));
    return { loss };
  };

/** The second part: clips and applies the sum, and resets it to zero. */
export const applicationStep =
  (optimizer: AdamW, sum: tf.Variable, { clipNorm }: StepOptions): Step =>
  inputs => {
    const gradient = tf.clone(sum) as tf.Tensor1D;
    const gradientNorm = lengthOf(gradient);
    optimizer.update(clip(gradient, gradientNorm, clipNorm), inputs);
    sum.assign(tf.zerosLike(sum));
    return { gradientNorm };
  };

/** The forward pass in evaluation: `images [B, H, W, 3]` in, `logits [B, C]` out. */
export const evaluationStep =
  (model: { call(x: tf.Tensor): tf.Tensor }): Step =>
  ({ images }) =>
    withScope({ training: false }, () => ({ logits: model.call(images) }));
