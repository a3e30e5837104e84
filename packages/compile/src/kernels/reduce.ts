import * as tf from '@tensorflow/tfjs-core';
import type { Recorder } from '../record/recorder.ts';
import type { Value } from '../record/value.ts';
import { sub, unary } from './elementwise.ts';
import type { Kernel, KernelTable, Values } from './kernel.ts';

type One = Values<'x'>;

interface ReduceAttributes {
  axis?: number | number[] | null;
  reductionIndices?: number | number[] | null;
  keepDims?: boolean;
}

/** Reduces `axes` (all of them if `null`). */
export function reduce(r: Recorder, op: string, x: Value, axis: number | number[] | null, keepDims = false): Value {
  const axes = tf.util.parseAxisParam(axis ?? x.shape.map((_, i) => i), x.shape);
  if (axes.length === 0) return x;
  const reduced = tf.backend_util.expandShapeToKeepDim(
    tf.backend_util.computeOutAndReduceShapes(x.shape, axes)[0],
    axes,
  );
  const shape = keepDims ? reduced : reduced.filter((_, i) => !axes.includes(i));
  const count = tf.util.sizeFromShape(axes.map(i => x.shape[i]!));
  if (x.uniform !== undefined && count > 0) {
    const value = op === 'ReduceSum' ? Math.fround(x.uniform * count) : op === 'ReduceProd' ? undefined : x.uniform;
    if (value !== undefined) return r.uniform(value, shape, x.dtype);
  }
  return r.emit(op, [x, r.ints(axes)], { shape, dtype: x.dtype }, { keepdims: Number(keepDims) });
}

const reduction =
  (op: string): Kernel<One, ReduceAttributes> =>
  ({ x }, { axis, reductionIndices, keepDims }, r) => {
    const summable = x.dtype === 'bool' ? r.cast(x, 'int32') : x;
    return reduce(
      r,
      op,
      op === 'ReduceMean' ? r.cast(x, 'float32') : summable,
      axis ?? reductionIndices ?? null,
      keepDims,
    );
  };

/** `all` and `any` are the minimum and maximum of booleans, which ONNX reduces as integers. */
const logical =
  (op: string): Kernel<One, ReduceAttributes> =>
  ({ x }, { axis, keepDims }, r) =>
    r.cast(reduce(r, op, r.cast(x, 'int32'), axis ?? null, keepDims), 'bool');

const arg =
  (op: string): Kernel<One, { axis: number }> =>
  ({ x }, { axis }, r) => {
    const [first = axis] = tf.util.parseAxisParam(axis, x.shape);
    const shape = x.shape.filter((_, i) => i !== first);
    const [index] = r.graph.node(op, [r.full(x)], { axis: first, keepdims: 0 });
    return r.emit('Cast', [index], { shape, dtype: 'int32' }, { to: 6 });
  };

const cumsum: Kernel<One, tf.CumsumAttrs> = ({ x }, { axis, exclusive, reverse }, r) => {
  const [along = axis] = tf.util.parseAxisParam(axis, x.shape);
  const attributes = { exclusive: Number(exclusive), reverse: Number(reverse) };
  return r.emit('CumSum', [x, r.graph.constant('int64', [], [along])], { shape: x.shape, dtype: x.dtype }, attributes);
};

const softmax: Kernel<Values<'logits'>> = ({ logits }, _, r) =>
  r.emit('Softmax', [logits], { shape: logits.shape }, { axis: -1 });

/** log softmax(x) over the last axis, in operators that WebGPU has as well. */
export function logSoftmax(r: Recorder, x: Value): Value {
  const shifted = sub(r, x, reduce(r, 'ReduceMax', x, -1, true));
  return sub(r, shifted, unary(r, 'Log', reduce(r, 'ReduceSum', unary(r, 'Exp', shifted), -1, true)));
}

const topK: Kernel<One, tf.TopKAttrs> = ({ x }, { k, sorted }, r) => {
  const shape = [...x.shape.slice(0, -1), k];
  const made = [
    { shape, dtype: x.dtype },
    { shape, dtype: 'int32' },
  ] as const; // the indices are int64 still
  const [values, indices] = r.emitMany('TopK', [x, r.ints([k])], made, { sorted: Number(sorted) });
  return [values, r.emit('Cast', [indices], { shape, dtype: 'int32' }, { to: 6 })];
};

export const reduceKernels: KernelTable = {
  Sum: reduction('ReduceSum'),
  Mean: reduction('ReduceMean'),
  Max: reduction('ReduceMax'),
  Min: reduction('ReduceMin'),
  Prod: reduction('ReduceProd'),
  All: logical('ReduceMin'),
  Any: logical('ReduceMax'),
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
  Cumsum: cumsum,
  Softmax: softmax,
  LogSoftmax: ({ logits }: Values<'logits'>, _, r) => logSoftmax(r, logits),
  TopK: topK,
};
