import * as tf from '@tensorflow/tfjs-core';
import { check } from '../errors.ts';
import { type FusedOp, runFused } from './kernel.ts';
import type { Tensors } from './tensors.ts';

/** Outputs `[y, mean, inverseStd]`; the statistics are `[..., 1]`. */
const layerNormOp: FusedOp<
  Tensors<'x' | 'gamma' | 'beta'>,
  [y: tf.Tensor, mean: tf.Tensor, inverseStd: tf.Tensor],
  [x: tf.Tensor, gamma: tf.Tensor, mean: tf.Tensor, inverseStd: tf.Tensor]
> = {
  name: 'PeftLayerNorm',
  reference({ x, gamma, beta }, { epsilon }) {
    const mean = tf.mean(x, -1, true);
    const centred = tf.sub(x, mean);
    const inverseStd = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon as number));
    return [tf.add(tf.mul(tf.mul(centred, inverseStd), gamma), beta), mean, inverseStd];
  },
  gradient: {
    saveInputs: ['x', 'gamma'],
    saveOutputs: [false, true, true],
    backward(dy, [x, gamma, mean, inverseStd]) {
      const leading = x.shape.slice(0, -1).map((_, axis) => axis);
      return {
        x: () => runFused(layerNormGradOp, { dy, x, gamma, mean, inverseStd })[0],
        gamma: () => tf.sum(tf.mul(dy, tf.mul(tf.sub(x, mean), inverseStd)), leading),
        beta: () => tf.sum(dy, leading),
      };
    },
  },
};

/** dx = (g - mean(g) - xhat mean(g xhat)) / std, with g = dy gamma. */
const layerNormGradOp: FusedOp<Tensors<'dy' | 'x' | 'gamma' | 'mean' | 'inverseStd'>, [dx: tf.Tensor]> = {
  name: 'PeftLayerNormGrad',
  reference({ dy, x, gamma, mean, inverseStd }) {
    const normalized = tf.mul(tf.sub(x, mean), inverseStd);
    const g = tf.mul(dy, gamma);
    const projection = tf.mul(normalized, tf.mean(tf.mul(g, normalized), -1, true));
    return [tf.mul(tf.sub(tf.sub(g, tf.mean(g, -1, true)), projection), inverseStd)];
  },
};

/**
 * Layer normalization over the last axis (Ba et al. 2016, arXiv 1607.06450).
 *
 * @param x `[..., d]`
 * @param gamma scale `[d]`
 * @param beta shift `[d]`
 * @param epsilon added to the variance
 * @returns `[..., d]`
 */
export function layerNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: number): tf.Tensor {
  const width = x.shape[x.rank - 1];
  check(
    [gamma, beta].every(({ shape }) => shape.length === 1 && shape[0] === width),
    'bad-shape',
    () =>
      `layerNorm: scale [${gamma.shape}] and shift [${beta.shape}] do not fit x [${x.shape}]; both must be [${width}].`,
  );
  return runFused(layerNormOp, { x, gamma, beta }, { epsilon })[0];
}
