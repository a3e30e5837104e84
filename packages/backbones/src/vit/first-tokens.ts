import { type Module, modules } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

/*
 * A classifier that pools by the class token reads nothing else of the last block. What follows its attention maps each token
 * by itself, so the other tokens are left out there, unless a patch needs them.
 */

/** The first `count` tokens of `[B, N, ...]`, or along another axis; all of them if `count` is undefined or no less. */
export function firstTokens(x: tf.Tensor, count: number | undefined, axis = 1): tf.Tensor {
  const tokens = x.shape[axis];
  if (count === undefined || tokens === undefined || tokens <= count) return x;
  const size = x.shape.map((length, i) => (i === axis ? count : length));
  return tf.slice(
    x,
    size.map(() => 0),
    size,
  );
}

/** Whether modules that map each token by itself still do with their patches. */
export const mapTokens = (roots: readonly (Module | undefined)[]): boolean =>
  roots.every(root => !root || [...modules(root)].every(([, module]) => module.isPatchedRowwise));
