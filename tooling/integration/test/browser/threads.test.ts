import { startBackend } from '@peft/backends';
import { attention, linear } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

const random = (shape: number[], seed: number): tf.Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);

/** Large enough to be shared among threads. */
async function compute(): Promise<number[][]> {
  const outputs = tf.tidy(() => [
    linear(random([4, 197, 192], 1), random([192, 576], 2), random([576], 3)),
    attention(random([4, 3, 197, 64], 4), random([4, 3, 197, 64], 5), random([4, 3, 197, 64], 6), 0.125),
  ]);
  const values = await Promise.all(outputs.map(async output => [...(await output.data())]));
  tf.dispose(outputs);
  return values;
}

test('wasm kernels share their work with workers of the page, and compute the same', async () => {
  expect(globalThis.crossOriginIsolated).toBe(true);
  expect(await startBackend('wasm', { threads: 2 })).toMatchObject({ threads: 2 });
  const byTwo = await compute();
  expect(await startBackend('wasm', { threads: 1 })).toMatchObject({ threads: 1 });
  expect(await compute()).toEqual(byTwo);
});
