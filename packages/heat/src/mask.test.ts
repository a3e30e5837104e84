import { linearLayout, plainLayout, zeros } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { maskOf, narrow, narrowSpec, outputAxes, runsOf, widen, widenTensor } from './mask.ts';

const count = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i + 1);
const runs = runsOf(8, 4, [1, 2])!;

test('neighboring heads make one run', () => {
  expect(runs).toEqual([
    { size: 2, active: true },
    { size: 4, active: false },
    { size: 2, active: true },
  ]);
  expect(runsOf(8, 4, [])).toBeUndefined();
});

test.each([
  [[8, 3], 0],
  [[3, 8], 1],
  [[2, 8, 3], 1],
  [[8], 0],
])('values of %j are narrowed along axis %i, and widened with zeros', async (shape, axis) => {
  const size = shape.reduce((a, b) => a * b, 1);
  const whole = tf.tensor(count(size), shape);
  const mask = tf.reshape(maskOf(runs), [8, ...shape.slice(axis + 1).map(() => 1)]);
  const masked = await tf.mul(whole, mask).data();
  const cut = narrow(count(size), shape, axis, runs);
  expect(cut.length).toBe(size / 2);
  expect(widen(cut, shape, axis, runs)).toEqual(masked);
  const narrowShape = shape.map((length, i) => (i === axis ? 4 : length));
  const wide = widenTensor(tf.tensor(cut, narrowShape), axis, runs);
  expect(wide.shape).toEqual(shape);
  expect(await wide.data()).toEqual(masked);
});

test('a narrowed parameter starts as the rest of the whole one, and is stored in the same order', () => {
  const init = (_: unknown, size: number): Float32Array => count(size);
  const spec = narrowSpec({ shape: [2, 8], init, layout: linearLayout(2, 8), outputs: 1 }, 1, runs);
  expect(spec.shape).toEqual([2, 4]);
  expect(spec.layout).toEqual(linearLayout(2, 4));
  expect([...spec.init({ state: 0 }, 8)]).toEqual([1, 2, 7, 8, 9, 10, 15, 16]);
});

test('only what a target has for itself is narrowed', () => {
  const B = { shape: [2, 8], init: zeros, outputs: 1 };
  const specs = {
    B,
    A: { shape: [8, 2], init: zeros },
    shared: { ...B, share: 'other' },
    narrow: { ...B, shape: [2, 4] },
    folded: { ...B, layout: plainLayout([2, 2, 4]) },
  };
  expect(outputAxes(specs, { outFeatures: 8 })).toEqual({ B: 1 });
});
