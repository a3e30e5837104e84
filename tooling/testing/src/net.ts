import { initialize, key, Linear, Module } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

/** A small network with a fused projection, a square and a narrowing layer, and a head. */
export class Net extends Module {
  readonly classifiers = ['head'];
  readonly qkv = new Linear(5, 12, {
    slices: { q: { start: 0, end: 4 }, k: { start: 4, end: 8 }, v: { start: 8, end: 12 } },
    heads: 2,
  });
  readonly out = new Linear(12, 3);
  readonly head = new Linear(3, 2);

  forward(x: tf.Tensor): tf.Tensor {
    return this.head.call(this.out.call(tf.tanh(this.qkv.call(x))));
  }
}

export const network = (seed = 1): Net => initialize(new Net(), key(seed));

/** Two samples of three tokens, `[2, 3, 5]`: what a method does across tokens and samples shows. */
export const input = (): tf.Tensor =>
  tf.tensor(
    Float32Array.from({ length: 30 }, (_, i) => Math.sin(1.7 * i + 0.3)),
    [2, 3, 5],
  );

/** The model's output, as numbers, on {@link input} or what `makeInput` makes. */
export async function run(
  model: { call(x: tf.Tensor): tf.Tensor },
  makeInput: () => tf.Tensor = input,
): Promise<number[]> {
  const y = tf.tidy(() => model.call(makeInput()));
  const values = [...(await y.data())];
  y.dispose();
  return values;
}

/** The largest difference between two lists of numbers of equal length. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])));
}

/** The same as a part of the largest number expected, where that is more than 1: what rounding makes grow with it. */
export const deviation = (found: ArrayLike<number>, expected: ArrayLike<number>): number =>
  difference(found, expected) / Math.max(1, ...Array.from(expected, Math.abs));
