import * as tf from '@tensorflow/tfjs-core';
import { uniformFloat32 } from 'pure-rand/distribution/uniformFloat32';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** A node in the tree of random streams. Keys made from different words give independent streams. */
export interface Key {
  readonly state: number;
}

/** FNV-1a with a final avalanche: 32 bits from a string. */
function hash(text: string, state: number): number {
  let h = state ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}

/** The root of a tree of random streams. */
export const key = (seed: number): Key => ({ state: hash(String(seed), 0) });

/** The child stream of a word. Parameters use their path, so adding a layer does not change the others. */
export const fold = (parent: Key, word: string | number): Key => ({ state: hash(String(word), parent.state) });

/** `size` numbers, uniform in [0, 1), multiples of 2^-24. */
export function drawUniform(from: Key, size: number): Float32Array {
  const generator = xoroshiro128plus(from.state);
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = uniformFloat32(generator);
  return values;
}

/** `size` numbers from the standard normal distribution (Box and Muller 1958). */
export function drawNormal(from: Key, size: number): Float32Array {
  const uniform = drawUniform(from, size + (size & 1));
  const values = new Float32Array(size);
  for (let i = 0; i < size; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform[i]!));
    const angle = 2 * Math.PI * uniform[i + 1]!;
    values[i] = radius * Math.cos(angle);
    if (i + 1 < size) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}

/** A random order of `0 .. size-1` (Fisher and Yates). */
export function drawPermutation(from: Key, size: number): Int32Array {
  const order = Int32Array.from({ length: size }, (_, i) => i);
  const uniform = drawUniform(from, size);
  for (let i = size - 1; i > 0; i--) {
    const j = Math.floor(uniform[i]! * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/**
 * The source of a step's random tensors. Eager steps draw them on the host; an engine that records a step inserts
 * placeholders and draws the same numbers before each run, so all engines train alike.
 */
export interface RandomSource {
  /** Uniform in [0, 1), of the given shape; the same path gives independent numbers in each step. */
  uniform(path: string, shape: number[]): tf.Tensor;
}

/** Draws on the host, for `path` from the stream `fold(step, path)`. */
export const hostRandom = (step: Key): RandomSource => ({
  uniform: (path, shape) => tf.tensor(drawUniform(fold(step, path), tf.util.sizeFromShape(shape)), shape),
});
