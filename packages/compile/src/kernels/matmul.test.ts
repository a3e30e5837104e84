import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe } from 'vitest';
import { agrees, floats, indices, seed, shapes, size, useEngine, withGradients } from '../../test/agree.ts';

useEngine();

const sizes = fc.tuple(shapes(0, 2), size, size, size, seed);

for (const [transposeA, transposeB] of [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
]) {
  describe(`matMul, transposed: ${transposeA}, ${transposeB}`, () => {
    const factors = sizes.map(([batch, m, k, n, s]) => [
      floats([...batch, ...(transposeA ? [k, m] : [m, k])], s),
      floats([...batch, ...(transposeB ? [n, k] : [k, n])], s + 1),
    ]);
    const matMul = (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b, transposeA, transposeB);
    agrees('of equal batches', withGradients(matMul), factors);
    const single = factors.map(([a, b]) => [a, { ...b, shape: [1, ...b.shape] }]).filter(([a]) => a.shape.length === 3);
    agrees('of many and one', matMul, single);
    const integers = sizes.map(([batch, m, k, n, s]) => [
      indices([...batch, ...(transposeA ? [k, m] : [m, k])], s, 5),
      indices([...batch, ...(transposeB ? [n, k] : [k, n])], s + 1, 5),
    ]);
    agrees('of integers', matMul, integers);
  });
}

describe('fused and written as an equation', () => {
  const factors = sizes.map(([, m, k, n, s]) => [floats([m, k], s), floats([k, n], s + 1), floats([n], s + 2)]);
  for (const activation of ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu'] as const) {
    const fused = (a: tf.Tensor, b: tf.Tensor, bias: tf.Tensor) =>
      tf.fused.matMul({ a: a as tf.Tensor2D, b: b as tf.Tensor2D, bias, activation, leakyreluAlpha: 0.1 });
    agrees(`fused.matMul, ${activation}`, fused, factors);
  }
  agrees(
    'einsum',
    (a, b) => tf.einsum('ij, jk -> ki', a, b),
    factors.map(([a, b]) => [a, b]),
  );
});
