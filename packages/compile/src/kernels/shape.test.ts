import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { agrees, floats, seed, shapes, useEngine, withGradients } from '../../test/agree.ts';
import { record } from '../record/record.ts';

useEngine();

const any = fc.tuple(shapes(1, 4), seed).map(([shape, s]) => [floats(shape, s)]);
const cube = fc.tuple(shapes(3, 3), seed).map(([shape, s]) => [
  floats(
    shape.map(length => length + 2),
    s,
  ),
]);
const small = fc.tuple(shapes(1, 3), seed).map(([shape, s]) => [floats(shape, s)]);
const twins = fc.tuple(shapes(1, 3), seed).map(([shape, s]) => [floats(shape, s), floats(shape, s + 1)]);
const image = fc.tuple(shapes(4, 4), seed).map(([shape, s]) => [
  floats(
    shape.map(length => length + 1),
    s,
  ),
]);

describe('views', () => {
  agrees(
    'reshape',
    withGradients(x => tf.reshape(x, [-1, 1])),
    any,
  );
  agrees(
    'expandDims and squeeze',
    withGradients(x => tf.squeeze(tf.expandDims(tf.expandDims(x, 0), -1), [0])),
    any,
  );
  agrees(
    'transpose, reversed',
    withGradients(x => tf.transpose(x)),
    any,
  );
  agrees(
    'transpose, rotated',
    withGradients(x => tf.transpose(x, [1, 2, 0])),
    cube,
  );
  agrees(
    'transpose of rank 6',
    withGradients(x => {
      const [a, b, c] = x.shape;
      return tf.transpose(tf.reshape(x, [a, 1, b, 1, c, 1]), [4, 2, 0, 1, 5, 3]);
    }),
    cube,
  );
});

describe('parts', () => {
  agrees(
    'slice',
    withGradients(x => tf.slice(x, [1, 0, 1], [1, -1, 2])),
    cube,
  );
  agrees('stridedSlice', x => tf.stridedSlice(x, [0, 1, 0], [3, 3, 3], [2, 1, 2]), cube);
  agrees('stridedSlice, backwards', x => tf.stridedSlice(x, [2, 2, 2], [0, 0, 0], [-1, -2, -1], 0, 7), cube);
  agrees('stridedSlice, shrunk', x => tf.stridedSlice(x, [1, 0, 1], [2, 3, 2], [1, 1, 1], 0, 0, 0, 0, 5), cube);
  agrees(
    'split',
    withGradients(x => tf.mul(...(tf.split(tf.concat([x, x], 1), 2, 1) as [tf.Tensor, tf.Tensor]))),
    cube,
  );
  agrees('split, unequal', x => tf.split(x, [1, x.shape[2]! - 1], 2), cube);
  agrees(
    'unstack',
    withGradients(x => tf.addN(tf.unstack(x, 1))),
    cube,
  );
  agrees(
    'reverse',
    withGradients(x => tf.reverse(x, [0, 2])),
    cube,
  );
});

describe('joints', () => {
  agrees(
    'concat',
    withGradients((a, b) => tf.concat([a, b, a], -1)),
    twins,
  );
  agrees(
    'stack',
    withGradients((a, b) => tf.stack([a, b], 1)),
    twins,
  );
  agrees(
    'tile',
    withGradients(x =>
      tf.tile(
        x,
        x.shape.map((_, axis) => axis + 1),
      ),
    ),
    any,
  );
  agrees(
    'broadcastTo',
    withGradients(x => tf.broadcastTo(tf.expandDims(x, 1), [x.shape[0], 3, ...x.shape.slice(1)])),
    small,
  );
  agrees(
    'pad',
    withGradients(x =>
      tf.pad(
        x,
        x.shape.map((_, axis) => [axis, 1]),
        0.5,
      ),
    ),
    any,
  );
  agrees(
    'mirrorPad',
    x =>
      tf.mirrorPad(
        x,
        [
          [1, 0],
          [1, 1],
          [0, 2],
        ],
        'reflect',
      ),
    cube,
  );
  agrees(
    'roll, by slices, as Swin shifts its windows',
    withGradients(x => {
      const [, height, width] = x.shape as [number, number, number, number];
      const rows = tf.concat(
        [tf.slice(x, [0, 1, 0, 0], [-1, height - 1, -1, -1]), tf.slice(x, [0, 0, 0, 0], [-1, 1, -1, -1])],
        1,
      );
      return tf.concat(
        [tf.slice(rows, [0, 0, 1, 0], [-1, -1, width - 1, -1]), tf.slice(rows, [0, 0, 0, 0], [-1, -1, 1, -1])],
        2,
      );
    }),
    image,
  );
});

test('a join of more values than the processor takes is made in parts', () => {
  const { graph } = record(
    ({ x }) => ({ y: tf.concat(tf.split(x, 10)) }),
    { x: { shape: [10], dtype: 'float32' } },
    { widestJoin: 3 },
  );
  const joins = graph.nodes.filter(({ op }) => op === 'Concat').map(({ inputs }) => inputs.length);
  expect(joins).toEqual([3, 3, 3, 3, 2]); // of ten parts, of those joined and the last one, of both
});
