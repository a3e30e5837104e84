import * as tf from '@tensorflow/tfjs-core';
import type { Size } from './windows.ts';

/** 0, 1, ... n - 1. */
const count = (n: number): tf.Tensor1D => tf.tensor1d(Array.from({ length: n }, (_, i) => i));

/** `[side^2, 2 side - 1]`, with a one where row `i * side + j` meets column `i - j + side - 1`. */
function offsets(side: number): tf.Tensor2D {
  const difference = tf.sub(tf.reshape(count(side), [side, 1, 1]), tf.reshape(count(side), [1, side, 1]));
  const match = tf.equal(tf.add(difference, side - 1), tf.reshape(count(2 * side - 1), [1, 1, 2 * side - 1]));
  return tf.reshape(tf.cast(match, 'float32'), [side * side, 2 * side - 1]);
}

/**
 * The bias between any two tokens of a window, by how far they are apart (Liu et al. 2021, section 3.2): as a product with
 * one matrix an axis, since a gather has no gradient on every backend.
 *
 * @param table `[(2h - 1)(2w - 1), heads]`
 * @returns `[1, heads, h w, h w]`
 */
export function relativeBias(table: tf.Tensor, [h, w]: Size): tf.Tensor4D {
  const heads = table.shape[1]!;
  const rows = tf.matMul(offsets(h), tf.reshape(table, [2 * h - 1, (2 * w - 1) * heads])); // [h h, (2w-1) heads]
  const split = tf.transpose(tf.reshape(rows, [h * h, 2 * w - 1, heads]), [1, 0, 2]); // [2w-1, h h, heads]
  const both = tf.matMul(offsets(w), tf.reshape(split, [2 * w - 1, h * h * heads])); // [w w, h h heads]
  const ordered = tf.transpose(tf.reshape(both, [w, w, h, h, heads]), [4, 2, 0, 3, 1]); // [heads, h, w, h, w]
  return tf.reshape(ordered, [1, heads, h * w, h * w]);
}

/** Along one axis: 1 for the tokens of the last window that a shift brought from the other side, `[windows, side]`. */
function wrapped(windows: number, side: number, shift: number): tf.Tensor2D {
  const last = tf.cast(tf.equal(count(windows), windows - 1), 'float32');
  const moved = tf.cast(tf.greaterEqual(count(side), side - shift), 'float32');
  return tf.mul(tf.reshape(last, [windows, 1]), tf.reshape(moved, [1, side]));
}

/**
 * Keeps apart tokens that are neighbors in a shifted window only because the picture was rolled.
 *
 * @param windows how many windows there are, by rows and columns
 * @returns `[windows, h w, h w]`: 0, or -100 between strangers
 */
export function shiftMask(windows: Size, [h, w]: Size, shift: Size): tf.Tensor3D {
  const rows = tf.reshape(wrapped(windows[0], h, shift[0]), [windows[0], 1, h, 1]);
  const columns = tf.reshape(wrapped(windows[1], w, shift[1]), [1, windows[1], 1, w]);
  const region = tf.add(tf.mul(rows, 2), columns); // [rows, columns, h, w]
  const [all, tokens] = [windows[0] * windows[1], h * w];
  const strangers = tf.notEqual(tf.reshape(region, [all, tokens, 1]), tf.reshape(region, [all, 1, tokens]));
  return tf.mul(tf.cast(strangers, 'float32'), -100);
}
