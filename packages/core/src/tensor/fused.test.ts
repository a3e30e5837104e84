import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { drawNormal, registerGradients } from '../engine/index.ts';
import { attention, fold, gelu, key, layerNorm, linear, softmaxCrossEntropy } from '../index.ts';

const random = (name: string, shape: number[]): tf.Tensor =>
  tf.tensor(drawNormal(fold(key(7), name), tf.util.sizeFromShape(shape)), shape);

/** Largest difference between the gradient of `sum(w f(x))` and central differences, over a few elements. */
async function gradientError(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): Promise<number> {
  registerGradients();
  const w = random('weights', f(x).shape);
  const loss = (input: tf.Tensor) => tf.sum(tf.mul(f(input), w)) as tf.Scalar;
  const analytic = await tf.grad(loss)(x).data();
  const values = (await x.data()) as Float32Array;
  const step = 1e-2;
  let worst = 0;
  for (let i = 0; i < values.length; i += Math.ceil(values.length / 7)) {
    const at = async (delta: number) => {
      const moved = values.slice();
      moved[i] += delta;
      return (await tf.sum(tf.mul(tf.sub(f(tf.tensor(moved, x.shape)), f(x)), w)).data())[0];
    };
    const numeric = ((await at(step)) - (await at(-step))) / (2 * step);
    worst = Math.max(worst, Math.abs(numeric - analytic[i]) / (1 + Math.abs(numeric)));
  }
  return worst;
}

const [x, w, b] = [random('x', [2, 3, 4]), random('w', [4, 5]), random('b', [5])];
const [q, k, v, bias] = ['q', 'k', 'v', 'bias'].map(name =>
  random(name, name === 'bias' ? [1, 2, 3, 3] : [2, 2, 3, 4]),
);
const [gamma, beta] = [random('gamma', [4]), random('beta', [4])];
const labels = tf.tensor1d([0, 2], 'int32');
const logits = random('logits', [2, 3]);

describe('gradients equal finite differences', () => {
  test.each<[string, (x: tf.Tensor) => tf.Tensor, tf.Tensor]>([
    ['linear: x', t => linear(t, w, b), x],
    ['linear: weight', t => linear(x, t, b), w],
    ['linear: bias', t => linear(x, w, t), b],
    ['layer norm: x', t => layerNorm(t, gamma, beta, 1e-6), x],
    ['layer norm: gamma', t => layerNorm(x, t, beta, 1e-6), gamma],
    ['layer norm: beta', t => layerNorm(x, gamma, t, 1e-6), beta],
    ['gelu', t => gelu(t), x],
    ['gelu, tanh', t => gelu(t, 'tanh'), x],
    ['attention: q', t => attention(t, k, v, 0.5), q],
    ['attention: k', t => attention(q, t, v, 0.5), k],
    ['attention: v', t => attention(q, k, t, 0.5), v],
    ['attention: one tensor as query, key and value', t => attention(t, t, t, 0.5, bias), q],
    ['attention: bias', t => attention(q, k, v, 0.5, t), bias],
    ['cross entropy', t => softmaxCrossEntropy(t, labels, 0.1), logits],
  ])('%s', async (_, f, at) => {
    expect(await gradientError(f, at)).toBeLessThan(3e-3);
  });
});

test('the two GELUs are those of PyTorch', async () => {
  const points = tf.tensor1d([-2, -0.5, 0, 1, 3]);
  expect([...(await gelu(points).data())].map(y => y.toFixed(5))).toEqual([
    '-0.04550',
    '-0.15427',
    '0.00000',
    '0.84134',
    '2.99595',
  ]);
  expect([...(await gelu(points, 'tanh').data())].map(y => y.toFixed(5))).toEqual([
    '-0.04540',
    '-0.15429',
    '0.00000',
    '0.84119',
    '2.99636',
  ]);
});

test('no gradient is computed for a frozen weight, and nothing leaks', async () => {
  registerGradients();
  const before = tf.memory().numTensors;
  tf.grad((t: tf.Tensor) => tf.sum(linear(attention(t, k, v, 0.5), w)))(q).dispose();
  expect(tf.memory().numTensors).toBe(before);
});

describe('shapes that do not fit are refused, whatever the backend', () => {
  const cases: [string, () => tf.Tensor, RegExp][] = [
    ['the inner size of linear', () => linear(x, tf.zeros([3, 5])), /linear: x \[2,3,4\] does not fit weight \[3,5\]/],
    ['its bias', () => linear(x, w, tf.zeros([4])), /bias \[4\] does not fit weight \[4,5\]; it must be \[5\]/],
    ['a scale', () => layerNorm(x, tf.ones([3]), tf.zeros([4]), 1e-6), /scale \[3\] .* do not fit x \[2,3,4\]/],
    ['a shift', () => layerNorm(x, tf.ones([4]), tf.zeros([5]), 1e-6), /shift \[5\] .* both must be \[4\]/],
    [
      'keys of another width',
      () => attention(q, tf.slice(k, [0, 0, 0, 1]), v, 1),
      /attention: q .* must be \[B, H, N, d\]/,
    ],
    ['fewer values than keys', () => attention(q, k, tf.slice(v, [0, 0, 1, 0]), 1), /attention: q /],
    [
      'a bias that is too long',
      () => attention(q, k, v, 1, tf.zeros([1, 1, 1, k.shape[2]! + 3])),
      /cannot be broadcast/,
    ],
  ];
  test.each(cases)('%s', (_, compute, message) => {
    expect(compute).toThrow(message);
    expect(compute).toThrow(expect.objectContaining({ code: 'bad-shape' }));
  });
});
