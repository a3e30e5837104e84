import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, test } from 'vitest';
import { difference } from '../../test/nets.ts';
import { initialize, key, Linear, Module, type Patch, patch } from '../index.ts';

/** Adds to every row the mean of all, and takes no notice of how many are wanted. */
class Mixed extends Module {
  forward(x: tf.Tensor): tf.Tensor {
    return tf.add(x, tf.mean(x, 1, true));
  }
}

const x = (): tf.Tensor =>
  tf.tensor(
    Float32Array.from({ length: 30 }, (_, i) => Math.sin(3 * i)),
    [2, 5, 3],
  );

/** A patch of the output that keeps the shapes it sees. */
const watching = (rows: Patch['rows'], seen: number[][]): Patch => ({
  rows,
  output(y, input) {
    seen.push([y.shape[1] as number, input.shape[1] as number]);
    return tf.add(y, 1);
  },
});

let linear: Linear;
beforeEach(() => {
  linear = initialize(new Linear(3, 2), key(1));
});

async function expectFirst(module: Module, rows: number): Promise<void> {
  const [some, all] = tf.tidy(() => [
    module.call(x(), rows),
    tf.slice(module.call(x()), [0, 0, 0], [-1, Math.min(rows, 5), -1]),
  ]);
  expect(some.shape).toEqual(all.shape);
  expect(difference([...(await some.data())], [...(await all.data())])).toBeLessThan(1e-6);
  tf.dispose([some, all]);
}

describe('the first rows of a result', () => {
  test.each<[string, Patch['rows'], number[], number | undefined]>([
    ['that acts on each row sees those', 'each', [2, 2], 2],
    ['that needs all rows sees all of the input', 'all', [2, 5], undefined],
    ['that says nothing sees everything', undefined, [5, 5], undefined],
  ])('a patch %s', async (_, rows, shapes, needed) => {
    const seen: number[][] = [];
    patch(linear, watching(rows, seen));
    await expectFirst(linear, 2);
    expect(seen).toEqual([shapes, [5, 5]]);
    expect(linear.rowsNeeded(2)).toBe(needed);
    expect(linear.rowsNeeded(undefined)).toBeUndefined();
  });

  test('the most demanding patch decides', async () => {
    const seen: number[][] = [];
    for (const rows of ['each', 'all'] as const) patch(linear, watching(rows, seen));
    patch(linear, { weight: w => tf.mul(w, 2) });
    await expectFirst(linear, 1);
    expect(seen.slice(0, 2)).toEqual([
      [1, 5],
      [1, 5],
    ]);
  });

  test('a patch of the input is taken at its word', async () => {
    const center = (t: tf.Tensor): tf.Tensor => tf.sub(t, tf.mean(t, 1, true));
    patch(linear, { input: center });
    await expectFirst(linear, 1);
    expect(linear.rowsNeeded(1)).toBeUndefined();
  });

  test('a module that mixes rows is given all, and may give all', async () => {
    const mixed = new Mixed();
    await expectFirst(mixed, 2);
    await expectFirst(mixed, 9);
    expect(mixed.rowsNeeded(2)).toBeUndefined();
  });
});
