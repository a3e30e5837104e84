import { drawNormal, drawUniform, type Key } from '../tensor/random.ts';

/** Fills a parameter of `size` numbers from its own random stream. */
export type Initializer = (from: Key, size: number) => Float32Array;

export const zeros: Initializer = (_, size) => new Float32Array(size);

export const ones: Initializer = (_, size) => new Float32Array(size).fill(1);

export const constant =
  (value: number): Initializer =>
  (_, size) =>
    new Float32Array(size).fill(value);

/** U(-bound, bound). */
export const uniform =
  (bound: number): Initializer =>
  (from, size) =>
    drawUniform(from, size).map(u => (2 * u - 1) * bound);

/** PyTorch's default for linear layers, Kaiming uniform with a = sqrt(5): U(-1/sqrt(fanIn), 1/sqrt(fanIn)). */
export const linearDefault = (fanIn: number): Initializer => uniform(1 / Math.sqrt(fanIn));

/** N(0, std^2). */
export const normal =
  (std: number): Initializer =>
  (from, size) =>
    drawNormal(from, size).map(z => z * std);

/** N(0, std^2) cut at two standard deviations by folding back, timm's usual choice for weights and embeddings. */
export const truncatedNormal =
  (std: number): Initializer =>
  (from, size) =>
    drawNormal(from, size).map(z => (Math.abs(z) > 2 ? z % 2 : z) * std);
