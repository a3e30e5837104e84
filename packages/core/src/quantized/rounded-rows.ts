import * as tf from '@tensorflow/tfjs-core';
import { largest } from './matrix.ts';

/** Below it a row counts as zero: its scale is still a normal number. */
export const smallestMagnitude = 1e-30;

/**
 * Rounds each row to 8 bits and back: to the nearest of the 255 multiples of its largest magnitude over 127, ties to even.
 *
 * @param x `[N, d]`
 */
export function roundedRows(x: tf.Tensor2D): tf.Tensor2D {
  const magnitude = tf.maximum(tf.max(tf.abs(x), 1, true), smallestMagnitude);
  const scale = tf.div(magnitude, largest); // [N, 1]
  return tf.mul(tf.round(tf.div(x, scale)), scale);
}
