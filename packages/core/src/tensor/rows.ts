import * as tf from '@tensorflow/tfjs-core';

/** The first `rows` along an axis, by default that of tokens, `[B, N, ...]`; all, if there are no more or `rows` is left out. */
export function firstRows(x: tf.Tensor, rows: number | undefined, axis = 1): tf.Tensor {
  if (rows === undefined || x.shape[axis] <= rows) return x;
  const size = x.shape.map((length, i) => (i === axis ? rows : length));
  return tf.slice(
    x,
    size.map(() => 0),
    size,
  );
}
