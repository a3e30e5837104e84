import * as tf from '@tensorflow/tfjs-core';
import { currentRandom, currentScope } from './scope.ts';

const keepMask = (path: string, shape: number[], rate: number): tf.Tensor =>
  tf.mul(tf.cast(tf.greaterEqual(currentRandom(path).uniform(path, shape), rate), 'float32'), 1 / (1 - rate));

/** Zeroes each element with probability `rate` in training and scales the rest (Srivastava et al. 2014). */
export function dropout(x: tf.Tensor, rate: number, path: string): tf.Tensor {
  if (rate === 0 || !currentScope().training) return x;
  return tf.mul(x, keepMask(path, x.shape, rate));
}

/** Stochastic depth: zeroes whole samples (first axis) in training (Huang et al. 2016, arXiv 1603.09382). */
export function dropPath(x: tf.Tensor, rate: number, path: string): tf.Tensor {
  if (rate === 0 || !currentScope().training) return x;
  const oneForEachSample = x.shape.map((length, axis) => (axis === 0 ? length : 1)); // [B, 1, ...]
  return tf.mul(x, keepMask(path, oneForEachSample, rate));
}
