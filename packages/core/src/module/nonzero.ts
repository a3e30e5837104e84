import * as tf from '@tensorflow/tfjs-core';
import type { FileLayout } from './layout.ts';

/*
 * Tensors of which some entries of the last axis are always zero. A mask says which ones may differ from zero; only those
 * are held, trained and stored.
 */

const count = (nonzero: readonly boolean[]): number => nonzero.filter(Boolean).length;

export const narrowShape = (shape: readonly number[], nonzero: readonly boolean[]): number[] => [
  ...shape.slice(0, -1),
  count(nonzero),
];

/** The layout of what is held, given that of the whole. */
export function narrowLayout({ shape, permutation }: FileLayout, nonzero: readonly boolean[]): FileLayout {
  const last = permutation.at(-1);
  return { shape: shape.map((size, axis) => (axis === last ? count(nonzero) : size)), permutation };
}

/** The values that are held, of those of the whole. */
export const narrow = (values: Float32Array, nonzero: readonly boolean[]): Float32Array =>
  values.filter((_, i) => nonzero[i % nonzero.length]);

/** The inverse of {@link narrow}, with zeros for the rest. */
export function widen(values: Float32Array, nonzero: readonly boolean[]): Float32Array {
  const rows = values.length / count(nonzero);
  let next = 0;
  return Float32Array.from({ length: rows * nonzero.length }, (_, i) =>
    nonzero[i % nonzero.length] ? values[next++]! : 0,
  );
}

/** The same of a tensor. */
export function widenTensor(x: tf.Tensor, nonzero: readonly boolean[]): tf.Tensor {
  const pieces: tf.Tensor[] = [];
  const leading = x.shape.slice(0, -1);
  const origin = leading.map(() => 0);
  let begin = 0;
  for (let start = 0, end = 0; start < nonzero.length; start = end) {
    while (end < nonzero.length && nonzero[end] === nonzero[start]) end++;
    const shape = [...leading, end - start];
    pieces.push(nonzero[start] ? tf.slice(x, [...origin, begin], shape) : tf.zeros(shape));
    if (nonzero[start]) begin += end - start;
  }
  return tf.concat(pieces, -1);
}
