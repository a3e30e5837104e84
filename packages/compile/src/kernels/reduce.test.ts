import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe } from 'vitest';
import { agrees, floats, seed, shapes, useEngine, withGradients } from '../../test/agree.ts';

useEngine();

/** Which axes to reduce goes by the rank, so that ops can be written down without arguments. */
const ranked = fc.tuple(shapes(1, 4), seed).map(([shape, s]) => [floats(shape, s)]);
const axes = (x: tf.Tensor): number[] => (x.rank === 1 ? [0] : [0, x.rank - 1]);

describe('reductions', () => {
  for (const keepDims of [false, true]) {
    const ops = { sum: tf.sum, mean: tf.mean, max: tf.max, min: tf.min };
    for (const [name, op] of Object.entries(ops)) {
      agrees(
        `${name}, keepDims ${keepDims}`,
        withGradients(x => op(x, axes(x), keepDims)),
        ranked,
      );
      agrees(
        `${name} of the last axis, keepDims ${keepDims}`,
        withGradients(x => op(x, -1, keepDims)),
        ranked,
      );
    }
    agrees(`prod, keepDims ${keepDims}`, x => tf.prod(x, axes(x), keepDims), ranked);
    agrees(
      `any and all, keepDims ${keepDims}`,
      x => {
        const positive = tf.greater(x, 0.5);
        return [tf.any(positive, axes(x), keepDims), tf.all(positive, axes(x), keepDims)];
      },
      ranked,
    );
  }
  agrees('of everything', x => [tf.sum(x), tf.mean(x), tf.max(x), tf.prod(x)], ranked);
  agrees(
    'of integers',
    x => [tf.sum(tf.cast(x, 'int32')), tf.max(tf.cast(x, 'int32')), tf.mean(tf.cast(x, 'int32'))],
    ranked,
  );
  agrees('of booleans', x => tf.sum(tf.greater(x, 0)), ranked);
  agrees(
    'of constants',
    x => [tf.sum(tf.ones(x.shape), -1), tf.mean(tf.fill(x.shape, 3)), tf.prod(tf.fill(x.shape, 2))],
    ranked,
  );
});

describe('along an axis', () => {
  agrees('argMax and argMin', x => [tf.argMax(x, 0), tf.argMin(x, -1)], ranked);
  agrees(
    'softmax',
    withGradients(x => tf.softmax(x)),
    ranked,
  );
  agrees(
    'logSoftmax',
    withGradients(x => tf.logSoftmax(x)),
    ranked,
  );
  agrees(
    'logSumExp',
    withGradients(x => tf.logSumExp(x, -1)),
    ranked,
  );
  agrees(
    'cumsum',
    withGradients(x => tf.cumsum(x, x.rank - 1)),
    ranked,
  );
  agrees('cumsum, exclusive', x => tf.cumsum(x, 0, true), ranked);
  agrees('cumsum, reversed', x => tf.cumsum(x, x.rank - 1, false, true), ranked);
  agrees(
    'topk',
    x => {
      const { values, indices } = tf.topk(x, x.shape[x.rank - 1]);
      return [values, indices];
    },
    ranked,
  );
});
