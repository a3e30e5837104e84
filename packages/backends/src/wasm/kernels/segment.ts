import * as tf from '@tensorflow/tfjs-core';
import { allOf, fastKernel, sizeOf } from '../kernel.ts';

interface Inputs {
  x: tf.TensorInfo;
  segmentIds: tf.TensorInfo;
}

/** The gradient of a gather, which tfjs' wasm backend lacks. */
export const unsortedSegmentSum = fastKernel<Inputs, { numSegments: number }>(
  tf.UnsortedSegmentSum,
  (heap, { x, segmentIds }, { numSegments }) => {
    if (!allOf('float32', x) || !allOf('int32', segmentIds) || segmentIds.shape.length !== 1) return undefined;
    const [rows = 1, ...row] = x.shape;
    const y = heap.make([numSegments, ...row]);
    const [from, ids, to] = heap.addresses(x, segmentIds, y);
    heap.team.kernels.segmentSum(from, ids, to, rows, sizeOf(row), numSegments);
    return y;
  },
);
