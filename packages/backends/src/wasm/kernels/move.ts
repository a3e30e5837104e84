import { dims } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { boxCopy, offsetOf, stepsOf } from '../box.ts';
import type { Heap } from '../heap.ts';
import { allOf, fastKernel, isWord, sizeOf } from '../kernel.ts';
import { cost, shareSpans } from '../threads/share.ts';

type TensorInfo = tf.TensorInfo;

/** tfjs' own kernel copies the data. */
export const identity = fastKernel<{ x: TensorInfo }>(tf.Identity, (heap, { x }) =>
  x.dtype === 'string' ? undefined : heap.share(x, x.shape),
);

/** tfjs' own kernel copies the data even where the dtype stays. */
export const cast = fastKernel<{ x: TensorInfo }, { dtype: tf.DataType }>(tf.Cast, (heap, { x }, { dtype }) =>
  x.dtype === dtype && dtype !== 'string' ? heap.share(x, x.shape) : undefined,
);

interface Transpose {
  /** Sizes of the input's axes. */
  sizes: number[];
  order: number[];
}

/** Drops axes of length 1 and joins axes that stay neighbors. */
function simplifyTranspose(shape: number[], perm: number[]): Transpose {
  const kept = shape.flatMap((length, axis) => (length === 1 ? [] : [axis]));
  const lengths = shape.filter(length => length !== 1);
  const order = perm.filter(axis => shape[axis] !== 1).map(axis => kept.indexOf(axis));
  const groups: [number, ...number[]][] = []; // of kept axes, in output order
  for (const axis of order) {
    const last = groups.at(-1);
    if (last?.at(-1) === axis - 1) last.push(axis);
    else groups.push([axis]);
  }
  const inputOrder = [...groups].sort((a, b) => a[0] - b[0]);
  return {
    sizes: inputOrder.map(group => sizeOf(group.map(axis => lengths[axis]!))),
    order: groups.map(group => inputOrder.indexOf(group)),
  };
}

export const transpose = fastKernel<{ x: TensorInfo }, { perm: number[] }>(tf.Transpose, (heap, { x }, { perm }) => {
  if (!isWord(x)) return undefined;
  const outShape = perm.map(axis => x.shape[axis]!);
  const { sizes, order } = simplifyTranspose(x.shape, perm);
  const last = sizes.length - 1;
  if (last <= 0) return heap.share(x, outShape);

  if (last <= 2 && order[last] === last - 1 && order[last - 1] === last) {
    const y = heap.make(outShape, x.dtype);
    const batch = sizeOf(sizes.slice(0, -2));
    const [rows, columns] = dims({ shape: sizes.slice(-2) }, 2);
    const [from, to] = heap.addresses(x, y);
    shareSpans(heap.team, batch, rows * columns * cost.move, ({ transpose }, first, length) => {
      const at = 4 * rows * columns * first;
      transpose(from + at, to + at, length, rows, columns);
    });
    return y;
  }
  const size = order.map(axis => sizes[axis]!);
  const steps = stepsOf(sizes);
  const copy =
    order[last] === last && boxCopy(heap, { size, fromSteps: order.map(axis => steps[axis]!), toSteps: stepsOf(size) });
  if (!copy) return undefined;
  const y = heap.make(outShape, x.dtype);
  copy(heap.address(x), heap.address(y));
  return y;
});

/** The part of `x` that starts at `begin`; `undefined` for tensors that {@link boxCopy} does not take. */
function sliceOf(heap: Heap, x: TensorInfo, begin: number[], size: number[]): TensorInfo | undefined {
  const fromSteps = stepsOf(x.shape);
  const copy = isWord(x) && boxCopy(heap, { size, fromSteps, toSteps: stepsOf(size) });
  if (!copy) return undefined;
  const y = heap.make(size, x.dtype);
  copy(heap.address(x) + 4 * offsetOf(begin, fromSteps), heap.address(y));
  return y;
}

/** tfjs' own kernel copies the whole input first. */
export const slice = fastKernel<{ x: TensorInfo }, { begin: number | number[]; size: number | number[] }>(
  tf.Slice,
  (heap, { x }, attributes) => {
    const parsed = tf.slice_util.parseSliceParams(x, attributes.begin, attributes.size);
    const [begin, size] = parsed as [begin: number[], size: number[]];
    tf.slice_util.assertParamsValid(x, begin, size);
    return sliceOf(heap, x, begin, size);
  },
);

/** Consecutive parts of these lengths along an axis. tfjs' own kernel copies the whole input for each part. */
function partsOf(heap: Heap, x: TensorInfo, lengths: readonly number[], axis: number): TensorInfo[] | undefined {
  const parts: TensorInfo[] = [];
  let start = 0;
  for (const length of lengths) {
    const begin = x.shape.map((_, i) => (i === axis ? start : 0));
    const part = sliceOf(heap, x, begin, x.shape.with(axis, length));
    if (!part) return undefined; // the first is refused if any is
    parts.push(part);
    start += length;
  }
  return parts;
}

export const split = fastKernel<{ x: TensorInfo }, { numOrSizeSplits: number | number[]; axis: number }>(
  tf.SplitV,
  (heap, { x }, { numOrSizeSplits, axis: given }) => {
    const [axis = given] = tf.util.parseAxisParam(given, x.shape);
    const lengths = tf.backend_util.prepareSplitSize({ shape: x.shape } as tf.Tensor, numOrSizeSplits, axis);
    return partsOf(heap, x, lengths, axis);
  },
);

export const unpack = fastKernel<{ value: TensorInfo }, { axis: number }>(
  tf.Unpack,
  (heap, { value }, { axis: given }) => {
    const [axis = given] = tf.util.parseAxisParam(given, value.shape);
    const parts = partsOf(heap, value, Array(value.shape[axis]!).fill(1), axis);
    return parts?.map(({ dataId, dtype }) => ({ dataId, dtype, shape: value.shape.toSpliced(axis, 1) }));
  },
);

/** The gradient of a slice. */
export const pad = fastKernel<{ x: TensorInfo }, { paddings: [number, number][]; constantValue: number }>(
  tf.PadV2,
  (heap, { x }, { paddings, constantValue }) => {
    const outShape = paddings.map(([before, after], axis) => before + x.shape[axis]! + after);
    const toSteps = stepsOf(outShape);
    const copy = allOf('float32', x) && boxCopy(heap, { size: x.shape, fromSteps: stepsOf(x.shape), toSteps });
    if (!copy) return undefined;
    const y = heap.make(outShape);
    const to = heap.address(y);
    const bits = new Int32Array(Float32Array.of(constantValue).buffer)[0]!;
    heap.team.kernels.fill(to, sizeOf(outShape), bits);
    copy(
      heap.address(x),
      to +
        4 *
          offsetOf(
            paddings.map(([before]) => before),
            toSteps,
          ),
    );
    return y;
  },
);

/** Tensors of one dtype one after another along an axis. */
function joined(heap: Heap, tensors: TensorInfo[], axis: number): TensorInfo | undefined {
  const [first] = tensors;
  if (!first || !isWord(first) || !allOf(first.dtype, ...tensors)) return undefined;
  const shapes = tensors.map(({ shape }) => shape);
  tf.backend_util.assertParamsConsistent(shapes, axis);
  const y = heap.make(tf.backend_util.computeOutShape(shapes, axis), first.dtype);
  const rows = sizeOf(y.shape.slice(0, axis));
  const step = sizeOf(y.shape.slice(axis));
  let to = heap.address(y);
  for (const tensor of tensors) {
    const count = sizeOf(tensor.shape.slice(axis));
    const [from, target] = [heap.address(tensor), to];
    shareSpans(heap.team, rows, count * cost.move, ({ moveRows }, row, length) => {
      const [source, place] = [from + 4 * count * row, target + 4 * step * row];
      moveRows(source, place, count, 1, 1, 1, length, 0, 0, 0, count, 0, 0, 0, step);
    });
    to += 4 * count;
  }
  return y;
}

export const concat = fastKernel<TensorInfo[], { axis: number }>(tf.Concat, (heap, given, attributes) => {
  const tensors = Object.values(given);
  const [axis = attributes.axis] = tf.util.parseAxisParam(attributes.axis, tensors[0]?.shape ?? []);
  return joined(heap, tensors, axis);
});

/** tfjs' own kernel copies in JavaScript. */
export const pack = fastKernel<TensorInfo[], { axis: number }>(tf.Pack, (heap, given, { axis }) => {
  const tensors = Object.values(given);
  const at = axis < 0 ? axis + (tensors[0]?.shape.length ?? 0) + 1 : axis;
  const expanded = tensors.map(({ dataId, dtype, shape }) => ({ dataId, dtype, shape: shape.toSpliced(at, 0, 1) }));
  return joined(heap, expanded, at);
});
