import type * as tf from '@tensorflow/tfjs-core';
import { check } from '../errors.ts';

/**
 * The lengths of a tensor's axes.
 *
 * @param rank how many there must be
 * @throws PeftError `bad-shape` if there are more or fewer
 */
export function dims<Rank extends 1 | 2 | 3 | 4>(
  { shape }: { readonly shape: readonly number[] },
  rank: Rank,
): tf.ShapeMap[`R${Rank}`] {
  check(shape.length === rank, 'bad-shape', () => `A tensor of rank ${rank} is needed, not one of shape [${shape}].`);
  return shape as tf.ShapeMap[`R${Rank}`];
}
