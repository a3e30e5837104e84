import { dims } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

/** Rows and columns of something two-dimensional. */
export type Size = readonly [rows: number, columns: number];

/** Cuts `[B, H, W, C]` into windows `[B * n, h * w, C]`, row by row. */
export function partition(x: tf.Tensor, [h, w]: Size): tf.Tensor {
  const [batch, height, width, channels] = dims(x, 4);
  const [rows, columns] = [height / h, width / w];
  const cut = tf.reshape(x, [batch, rows, h, columns, w * channels]);
  return tf.reshape(tf.transpose(cut, [0, 1, 3, 2, 4]), [batch * rows * columns, h * w, channels]);
}

/** Undoes {@link partition}: `[B * n, h * w, C]` to `[B, H, W, C]`. */
export function assemble(windows: tf.Tensor, [h, w]: Size, [height, width]: Size): tf.Tensor {
  const [all, , channels] = dims(windows, 3);
  const [rows, columns] = [height / h, width / w];
  const batch = all / rows / columns;
  const cut = tf.reshape(windows, [batch, rows, columns, h, w * channels]);
  return tf.reshape(tf.transpose(cut, [0, 1, 3, 2, 4]), [batch, height, width, channels]);
}

/** Moves the first `by` entries of an axis behind the others. */
function rollAxis(x: tf.Tensor, by: number, axis: 1 | 2): tf.Tensor {
  if (by === 0) return x;
  const length = dims(x, 4)[axis];
  const part = (begin: number, size: number) => {
    const [begins, sizes] = [x.shape.map(() => 0), x.shape.slice()];
    begins[axis] = begin;
    sizes[axis] = size;
    return tf.slice(x, begins, sizes);
  };
  return tf.concat([part(by, length - by), part(0, by)], axis);
}

/** `[B, H, W, C]` shifted up and left, what leaves coming back at the other side. */
export const roll = (x: tf.Tensor, [up, left]: Size): tf.Tensor => rollAxis(rollAxis(x, up, 1), left, 2);

/** Undoes {@link roll}. */
export const unroll = (x: tf.Tensor, [up, left]: Size): tf.Tensor => {
  const back = (by: number, size: number) => (by === 0 ? 0 : size - by);
  const [, height, width] = dims(x, 4);
  return roll(x, [back(up, height), back(left, width)]);
};

/** Adds rows below and columns to the right, of zeros. */
export const padTo = (x: tf.Tensor, [height, width]: Size): tf.Tensor => {
  const [, above, beside] = dims(x, 4);
  const [rows, columns] = [height - above, width - beside];
  return rows === 0 && columns === 0
    ? x
    : tf.pad(x, [
        [0, 0],
        [0, rows],
        [0, columns],
        [0, 0],
      ]);
};
