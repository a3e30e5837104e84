import type { Key, Preprocessing } from '@peft/core';
import { kernelsWith, placesOf } from './kernels.ts';
import type { Picture } from './picture.ts';

/** The mean and deviation that normalize values in 0..1. */
export type Normalization = Pick<Preprocessing, 'mean' | 'std'>;

/** A transform as plain data, of which another thread makes the same. */
export type TransformRecipe =
  | { readonly kind: 'eval'; readonly preprocessing: Preprocessing }
  | { readonly kind: 'flip-crop'; readonly preprocessing: Preprocessing; readonly random: Key };

/**
 * From a picture to the floats that a backbone reads.
 *
 * A transform is a pure function of the picture and its index: one with chance in it is made with the key of its epoch,
 * and gives each index its own draw.
 */
export interface Transform {
  readonly height: number;
  readonly width: number;
  /** With which it can run in another thread; a transform of your own has none. */
  readonly recipe?: TransformRecipe;
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
    const [bytesAt, floatsAt, end] = placesOf(table.byteLength, data.length, data.length * 4).slice(1) as [
      number,
      number,
      number,
    ];
    const kernels = kernelsWith(end);
    new Float32Array(kernels.memory.buffer, 0, table.length).set(table);
    new Uint8Array(kernels.memory.buffer, bytesAt, data.length).set(data);
    kernels.normalize(bytesAt, 0, floatsAt, data.length / 3);
    return new Float32Array(kernels.memory.buffer, floatsAt, data.length).slice();
  };
}
