import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { linearLayout, patchLayout, plainLayout } from './layout.ts';
import { narrow, widen, widenTensor } from './nonzero.ts';
import { Parameter } from './parameter.ts';

const count = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i + 1);
const nonzero = [true, true, false, false, false, false, true, true];

test.each([[[3, 8]], [[2, 3, 8]], [[8]]])('values of %j are narrowed, and widened with zeros', async shape => {
  const size = shape.reduce((a, b) => a * b, 1);
  const masked = await tf.mul(tf.tensor(count(size), shape), tf.tensor1d(nonzero.map(Number))).data();
  const held = narrow(count(size), nonzero);
  expect(held.length).toBe(size / 2);
  expect(widen(held, nonzero)).toEqual(masked);
  const wide = widenTensor(tf.tensor(held, [...shape.slice(0, -1), 4]), nonzero);
  expect(wide.shape).toEqual(shape);
  expect(await wide.data()).toEqual(masked);
});

describe('a parameter of which some columns are always zero', () => {
  const init = (_: unknown, size: number): Float32Array => count(size);

  test('starts as the rest of the whole one', async () => {
    const parameter = new Parameter([2, 8], init, { nonzero });
    expect([parameter.shape, parameter.wholeShape, parameter.size]).toEqual([[2, 4], [2, 8], 8]);
    parameter.initialize({ state: 0 });
    expect([...(await parameter.get())]).toEqual([1, 2, 7, 8, 9, 10, 15, 16]);
  });

  test('gives the whole with zeros, and takes its own part of a whole', async () => {
    const parameter = new Parameter([2, 8], init, { nonzero });
    parameter.setWhole(count(16));
    const whole = [1, 2, 0, 0, 0, 0, 7, 8, 9, 10, 0, 0, 0, 0, 15, 16];
    expect([...(await parameter.getWhole())]).toEqual(whole);
    expect([...(await parameter.whole.data())]).toEqual(whole);
  });

  test.each([
    ['plain', plainLayout([2, 8]), plainLayout([2, 4])],
    ['linear', linearLayout(2, 8), linearLayout(2, 4)],
    ['a convolution', patchLayout(2, 8, 1, 1), patchLayout(2, 4, 1, 1)],
  ])('is stored in the same order: %s', (_, layout, expected) => {
    expect(new Parameter([2, 8], init, { layout, nonzero }).layout).toEqual(expected);
  });
});
