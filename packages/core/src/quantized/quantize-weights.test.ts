import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { Linear } from '../module/layers.ts';
import { Module } from '../module/module.ts';
import { loadState, saveState } from '../module/state.ts';
import { disposeModule, initialize } from '../module/tree.ts';
import { isDeferred } from '../tensor/deferred.ts';
import { valueAndGrads } from '../tensor/gradients.ts';
import { drawNormal, key } from '../tensor/random.ts';
import { dequantizeMatrix, quantizeMatrix } from './matrix.ts';
import { quantizeWeights } from './quantize-weights.ts';
import { quantizedWeight } from './quantized.ts';

class Net extends Module {
  readonly up = new Linear(32, 48);
  readonly down = new Linear(48, 8);
  forward(x: tf.Tensor): tf.Tensor {
    return this.down.call(tf.relu(this.up.call(x)));
  }
}

const made = (): Net => initialize(new Net(), key(1));

/** The same, whose values are still in the file. */
async function stored(): Promise<Net> {
  const net = new Net();
  loadState(net, await saveState(made()), { source: 'here' });
  return net;
}

const x = (rows = 5): tf.Tensor2D => tf.tensor2d(drawNormal(key(2), rows * 32), [rows, 32]);

test('weights of linear modules are rounded, but for those that are kept', async () => {
  const [before, net] = [made(), made()];
  expect(quantizeWeights(net, 'int8', { keep: path => path === 'down' })).toEqual(['up']);
  const expected = dequantizeMatrix(quantizeMatrix(await before.up.weight.getForFile(), 48));
  expect(await net.up.weight.getForFile()).toEqual(expected);
  expect(await net.down.weight.get()).toEqual(await before.down.weight.get());
  expect(await net.up.bias?.get()).toEqual(await before.up.bias?.get());
  expect([net.up.weight.isQuantized, net.down.weight.isQuantized]).toEqual([true, false]);
});

test('weights of a file are rounded when they are read, and no sooner', async () => {
  const [net, other] = [await stored(), made()];
  quantizeWeights(net, 'int8');
  quantizeWeights(other, 'int8');
  expect(isDeferred(net.up.weight.value.dataId)).toBe(true);
  expect(await net.up.weight.get()).toEqual(await other.up.weight.get());
  expect(await quantizedWeight(net.up.weight.value.dataId)?.read()).toEqual(
    quantizedWeight(other.up.weight.value.dataId)?.readSync(),
  );
});

test('4 bits are within a fourteenth of the largest of 32, and kept in 8', async () => {
  const [before, net] = [made(), made()];
  quantizeWeights(net, 'int4');
  const [exact, found] = [await before.up.weight.getForFile(), await net.up.weight.getForFile()];
  const largest = Math.max(...exact.map(Math.abs));
  const errors = exact.map((value, i) => Math.abs(value - found[i]));
  expect(Math.max(...errors)).toBeLessThan(largest * (0.5 / 7 + 1 / 127));
  expect(Math.max(...errors)).toBeGreaterThan(largest * (0.25 / 7));
});

test('what is rounded already stays as it is', async () => {
  const net = made();
  quantizeWeights(net, 'int4');
  const before = await net.up.weight.get();
  expect(quantizeWeights(net, 'int8')).toEqual(['up', 'down']);
  expect(await net.up.weight.get()).toEqual(before);
});

test('who keeps what belongs to a weight is told when it is gone', () => {
  const net = made();
  quantizeWeights(net, 'int8');
  const gone: string[] = [];
  const { up, down } = net;
  for (const { weight, path } of [
    { weight: up.weight, path: 'up' },
    { weight: down.weight, path: 'down' },
  ]) {
    quantizedWeight(weight.value.dataId)?.onRelease(() => gone.push(path));
  }
  up.weight.set(new Float32Array(32 * 48));
  expect(gone).toEqual(['up']);
  disposeModule(net);
  expect(gone).toEqual(['up', 'down']);
});

/** The largest magnitude. */
async function most(t: tf.Tensor): Promise<number> {
  const values = await t.data<'float32'>();
  t.dispose();
  return Math.max(...values.map(Math.abs));
}

describe('products', () => {
  test('round the rows of x', async () => {
    const net = made();
    quantizeWeights(net, 'int8');
    const difference = tf.tidy(() => {
      const rows = tf.tensor2d([...Array(31).fill(0.4), 127, ...Array(31).fill(-0.6), 127], [2, 32]);
      const asRounded = tf.tensor2d([...Array(31).fill(0), 127, ...Array(31).fill(-1), 127], [2, 32]);
      const exact = tf.add(tf.matMul(asRounded, net.up.weight.value), net.up.bias!.value);
      return tf.sub(net.up.call(rows), exact);
    });
    expect(await most(difference)).toBeLessThan(1e-4);
  });

  test('give the gradient of x nearly that of the rounded weight, and that of zero rows is zero', async () => {
    const net = made();
    quantizeWeights(net, 'int8');
    const [difference, exact, zeros] = tf.tidy(() => {
      const variable = tf.variable(x());
      const dy = tf.tensor2d(
        drawNormal(key(3), 5 * 48).map((v, i) => (i < 48 ? 0 : v)),
        [5, 48],
      );
      const { grads } = valueAndGrads(() => tf.sum(tf.mul(net.up.call(variable), dy)) as tf.Scalar, [variable]);
      const exact = tf.matMul(dy, net.up.weight.value as unknown as tf.Tensor2D, false, true);
      variable.dispose();
      return [tf.sub(grads[0]!, exact), exact, tf.slice(grads[0]!, [0, 0], [1, 32])] as const;
    });
    const error = (await most(difference)) / (await most(exact));
    expect(error).toBeGreaterThan(1e-4);
    expect(error).toBeLessThan(0.02);
    expect(await most(zeros)).toBe(0);
  });

  test('a weight that is assigned is a weight in float32 again', async () => {
    const net = made();
    quantizeWeights(net, 'int8');
    tf.tidy(() => net.up.weight.value.assign(tf.mul(net.up.weight.value, 1.01)));
    expect(net.up.weight.isQuantized).toBe(false);
    const difference = tf.tidy(() => {
      const rows = x();
      const exact = tf.add(tf.matMul(rows, net.up.weight.value), net.up.bias!.value);
      return tf.sub(net.up.call(rows), exact);
    });
    expect(await most(difference)).toBeLessThan(1e-5);
  });
});
