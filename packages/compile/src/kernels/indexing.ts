import { check } from '@peft/core';
import type * as tf from '@tensorflow/tfjs-core';
import type { Recorder } from '../record/recorder.ts';
import type { Value } from '../record/value.ts';
import { binary, select } from './elementwise.ts';
import type { Kernel, KernelTable, Values } from './kernel.ts';

const gather: Kernel<Values<'x' | 'indices'>, tf.GatherV2Attrs> = ({ x, indices }, { axis, batchDims }, r) => {
  check(batchDims === 0, 'not-supported', () => `gather: batchDims ${batchDims} cannot be recorded; use 0.`);
  const along = axis < 0 ? axis + x.shape.length : axis;
  const shape = x.shape.toSpliced(along, 1, ...indices.shape);
  return r.emit('Gather', [x, r.cast(indices, 'int32')], { shape, dtype: x.dtype }, { axis: along });
};

/** Indices in the form of ONNX's scatter and gather over several axes. */
const int64 = (r: Recorder, x: Value): string => r.graph.node('Cast', [r.full(x)], { to: 7 })[0];

/** The gradient of gather: rows of `x` summed into the segment that `segmentIds` names. */
const unsortedSegmentSum: Kernel<Values<'x' | 'segmentIds'>, { numSegments: number }> = (
  { x, segmentIds },
  { numSegments },
  r,
) => {
  const shape = [numSegments, ...x.shape.slice(1)];
  const zeros = r.uniform(0, shape, x.dtype);
  const rows = int64(r, r.reshape(segmentIds, [...segmentIds.shape, 1]));
  return r.emit('ScatterND', [zeros, rows, x], { shape, dtype: x.dtype }, { reduction: 'add' });
};

const gatherNd: Kernel<Values<'params' | 'indices'>> = ({ params, indices }, _, r) => {
  const depth = indices.shape.at(-1)!;
  const shape = [...indices.shape.slice(0, -1), ...params.shape.slice(depth)];
  return r.emit('GatherND', [params, int64(r, indices)], { shape, dtype: params.dtype });
};

const scatterNd: Kernel<Values<'indices' | 'updates'>, tf.ScatterNdAttrs> = ({ indices, updates }, { shape }, r) =>
  r.emit(
    'ScatterND',
    [r.uniform(0, shape, updates.dtype), int64(r, indices), updates],
    { shape, dtype: updates.dtype },
    {
      reduction: 'add',
    },
  );

/** Compares with 0, 1, 2, ..., because ONNX's OneHot counts negative indices from the end and TensorFlow.js ignores them. */
const oneHot: Kernel<Values<'indices'>, tf.OneHotAttrs> = ({ indices }, { depth, onValue, offValue, dtype }, r) => {
  const classes = r.constant(
    Array.from({ length: depth }, (_, i) => i),
    [depth],
    'int32',
  );
  const rows = r.reshape(r.cast(indices, 'int32'), [...indices.shape, 1]);
  const on = binary(r, 'Equal', rows, classes, 'bool');
  return select(r, on, r.uniform(onValue, [], dtype), r.uniform(offValue, [], dtype));
};

const range: Kernel<Values, tf.RangeAttrs> = (_, { start, stop, step, dtype }, r) => {
  const length = Math.max(0, Math.ceil((stop - start) / step));
  return r.constant(
    Array.from({ length }, (_, i) => start + i * step),
    [length],
    dtype,
  );
};

const linSpace: Kernel<Values, tf.LinSpaceAttrs> = (_, { start, stop, num }, r) => {
  const step = num > 1 ? (stop - start) / (num - 1) : 0;
  return r.constant(
    Array.from({ length: num }, (_, i) => start + i * step),
    [num],
    'float32',
  );
};

export const indexingKernels: KernelTable = {
  GatherV2: gather,
  GatherNd: gatherNd,
  UnsortedSegmentSum: unsortedSegmentSum,
  ScatterNd: scatterNd,
  OneHot: oneHot,
  Fill: (_, { shape, value, dtype }: tf.FillAttrs, r) => r.uniform(Number(value), shape, dtype),
  ZerosLike: ({ x }: Values<'x'>, _, r) => r.uniform(0, x.shape, x.dtype),
  OnesLike: ({ x }: Values<'x'>, _, r) => r.uniform(1, x.shape, x.dtype),
  Range: range,
  LinSpace: linSpace,
};
