import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe } from 'vitest';
import { agrees, floats, indices, seed, shapes, size, useEngine, withGradients } from '../../test/agree.ts';

useEngine();

const rows = fc
  .tuple(size, shapes(1, 2), fc.integer({ min: 1, max: 40 }), seed)
  .map(([first, rest, count, s]) => [floats([first, ...rest], s), indices([count], s, first)]);
const ids = fc.tuple(shapes(1, 2), seed).map(([shape, s]) => [indices(shape, s, 7)]);
const places = fc
  .tuple(size, size, size, seed)
  .map(([a, b, count, s]) => [floats([a, b, 2], s), indices([count, 2], s, Math.min(a, b)), floats([count, 2], s + 1)]);

describe('by index', () => {
  agrees(
    'gather, and its gradient over repeated rows',
    withGradients((x, i) => tf.gather(x, tf.cast(i, 'int32'))),
    rows,
  );
  agrees(
    'gather of the last axis',
    withGradients((x, i) => tf.gather(x, tf.mod(i, tf.scalar(x.shape[x.rank - 1]!, 'int32')), x.rank - 1)),
    rows,
  );
  agrees(
    'gather by a matrix',
    x => tf.gather(tf.range(0, 9), tf.tile(tf.expandDims(x, 0), [2, ...x.shape.map(() => 1)])),
    ids,
  );
  agrees('unsortedSegmentSum', (x, i) => tf.unsortedSegmentSum(tf.gather(x, i), i as tf.Tensor1D, x.shape[0]), rows);
  agrees('gatherND', (x, i) => tf.gatherND(x, i), places);
  agrees('scatterND, adding', (x, i, u) => tf.scatterND(i, u, x.shape), places);
  agrees('oneHot', i => tf.oneHot(i, 7), ids);
  agrees('oneHot, smoothed, out of range', i => tf.oneHot(tf.sub(i, tf.scalar(3, 'int32')), 4, 0.9, 0.1), ids);
});

describe('made from nothing', () => {
  agrees(
    'range, linspace, eye',
    x => [tf.add(tf.range(0, 5, 2), tf.sum(x)), tf.linspace(0, 1, 90), tf.range(3, 0, -1, 'int32'), tf.eye(3)],
    ids,
  );
});
