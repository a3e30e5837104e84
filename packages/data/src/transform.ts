import type { Preprocessing } from '@peft/core';
import type { Picture } from './picture.ts';

/** The mean and deviation that normalize values in 0..1. */
export type Normalization = Pick<Preprocessing, 'mean' | 'std'>;

/**
 * From a picture to the floats that a backbone reads.
 *
 * A transform is a pure function of the picture and its index: one with chance in it is made with the key of its epoch,
 * and gives each index its own draw.
 */
export interface Transform {
  readonly height: number;
  readonly width: number;
  /** @returns `[height, width, 3]` */
  apply(picture: Picture, index: number): Float32Array;
}

/**
 * Scales to 0..1 and normalizes, `(x / 255 - mean) / std`, rounded as in float32 arithmetic.
 *
 * @returns a function from a picture to `[height, width, 3]`
 */
export function normalizer({ mean, std }: Normalization): (picture: Picture) => Float32Array {
  const f = Math.fround;
  const table = new Float32Array(256 * 3); // [value, channel]
  for (let i = 0; i < table.length; i++) {
    table[i] = f(f((i / 3) | 0) / 255);
    table[i] = f(table[i]! - f(mean[i % 3]!)) / f(std[i % 3]!);
  }
  return ({ data }) => {
    const values = new Float32Array(data.length);
    for (let i = 0; i < data.length; i += 3) {
      values[i] = table[data[i]! * 3]!;
      values[i + 1] = table[data[i + 1]! * 3 + 1]!;
      values[i + 2] = table[data[i + 2]! * 3 + 2]!;
    }
    return values;
  };
}
