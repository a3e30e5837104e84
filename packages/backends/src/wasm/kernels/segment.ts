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
    const y = heap.make([numSegments, ...x.shape.slice(1)]);
    const [from, ids, to] = [x, segmentIds, y].map(heap.address);
    heap.team.kernels.segmentSum(from, ids, to, x.shape[0], sizeOf(x.shape.slice(1)), numSegments);
    return y;
  },
);
