import * as tf from '@tensorflow/tfjs-core';
import { type FusedOp, runFused } from './kernel.ts';
import type { Tensors } from './tensors.ts';

/** Outputs `[loss, p]`: the loss of each row `[B]` and the softmax `[B, C]`. Targets are distributions. */
const crossEntropyOp: FusedOp<
  Tensors<'logits' | 'target'>,
  [loss: tf.Tensor, p: tf.Tensor],
  [target: tf.Tensor, p: tf.Tensor]
> = {
  name: 'PeftSoftmaxCrossEntropy',
  reference({ logits, target }) {
    const shifted = tf.sub(logits, tf.max(logits, -1, true));
    const logSum = tf.log(tf.sum(tf.exp(shifted), -1, true));
    const logP = tf.sub(shifted, logSum);
    return [tf.neg(tf.sum(tf.mul(target, logP), -1)), tf.exp(logP)];
  },
  gradient: {
    saveInputs: ['target'],
    saveOutputs: [false, true],
    backward: (dy, [target, p]) => ({
      logits: () => tf.mul(tf.sub(p, target), tf.expandDims(dy, -1)),
      target: () => tf.mul(tf.neg(tf.log(p)), tf.expandDims(dy, -1)),
    }),
  },
};

/**
 * Softmax cross entropy of each row.
 *
 * @param logits `[B, C]`
 * @param labels class indices `[B]`, int32
 * @param smoothing mass spread evenly over all classes (Szegedy et al. 2016, section 7), in [0, 1)
 * @returns `[B]`, in nats
 */
export function softmaxCrossEntropy(logits: tf.Tensor, labels: tf.Tensor, smoothing = 0): tf.Tensor {
  const classes = logits.shape[1]!;
  const oneHot = tf.cast(tf.oneHot(labels as tf.Tensor1D, classes), 'float32'); // fractions are lost on wasm and WebGPU
  const target = smoothing > 0 ? tf.add(tf.mul(oneHot, 1 - smoothing), smoothing / classes) : oneHot;
  return runFused(crossEntropyOp, { logits, target })[0];
}
