import { check } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Recorder } from '../record/recorder.ts';
import type { Value } from '../record/value.ts';
import type { Kernel, KernelTable, Values } from './kernel.ts';

type One = Values<'x'>;

/** The axes in another order: axis `i` of the result is axis `perm[i]` of `x`. */
export function permuted(r: Recorder, x: Value, perm: number[]): Value {
  const shape = perm.map(axis => x.shape[axis]!);
  if (x.uniform !== undefined) return r.uniform(x.uniform, shape, x.dtype);
  return r.emit('Transpose', [x], { shape, dtype: x.dtype }, { perm });
}

const transpose: Kernel<One, tf.TransposeAttrs> = ({ x }, { perm }, r) =>
  perm.every((axis, i) => axis === i) ? x : permuted(r, x, perm);

export function slice(r: Recorder, x: Value, begin: number[], size: number[]): Value {
  if (x.uniform !== undefined) return r.uniform(x.uniform, size, x.dtype);
  const axes = size.flatMap((length, axis) => (length === x.shape[axis] ? [] : [axis]));
  if (axes.length === 0) return x;
  const starts = axes.map(axis => begin[axis]!);
  const ends = axes.map(axis => begin[axis]! + size[axis]!);
  return r.emit('Slice', [x, r.ints(starts), r.ints(ends), r.ints(axes)], { shape: size, dtype: x.dtype });
}

const sliceKernel: Kernel<One, tf.SliceAttrs> = ({ x }, { begin, size }, r) => {
  // parseSliceParams reads only the shape.
  const parsed = tf.slice_util.parseSliceParams(x as unknown as tf.TensorInfo, begin, size);
  const [start, lengths] = parsed as [begin: number[], size: number[]];
  return slice(r, x, start, lengths);
};

/** The end of a slice that runs backwards to the first element. ONNX would count -1 from the back. */
const beforeFirst = -(2 ** 31);

const stridedSlice: Kernel<One, tf.StridedSliceAttrs> = ({ x }, attributes, r) => {
  const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attributes;
  const info = tf.slice_util.sliceInfo(
    x.shape,
    begin,
    end,
    strides,
    beginMask,
    endMask,
    ellipsisMask,
    newAxisMask,
    shrinkAxisMask,
  );
  const ends = info.end.map((stop, axis) => (info.strides[axis]! < 0 && stop < 0 ? beforeFirst : stop));
  const axes = ends.map((_, axis) => axis);
  const inputs = [x, ...[info.begin, ends, axes, info.strides].map(values => r.ints(values))];
  const sliced = ends.map((_, axis) => Math.ceil((info.end[axis]! - info.begin[axis]!) / info.strides[axis]!));
  return r.reshape(r.emit('Slice', inputs, { shape: sliced, dtype: x.dtype }), info.finalShape);
};

const splitV: Kernel<One, tf.SplitVAttrs> = ({ x }, { numOrSizeSplits, axis }, r) => {
  const [along = axis] = tf.util.parseAxisParam(axis, x.shape);
  // prepareSplitSize reads only the shape.
  const sizes = tf.backend_util.prepareSplitSize(x as unknown as tf.Tensor, numOrSizeSplits, along);
  return split(r, x, sizes, along);
};

function split(r: Recorder, x: Value, sizes: number[], axis: number): Value[] {
  const made = sizes.map(size => ({ shape: x.shape.with(axis, size), dtype: x.dtype }));
  return made.length === 1 ? [x] : r.emitMany('Split', [x, r.ints(sizes)], made, { axis });
}

function concat(r: Recorder, parts: Value[], axis: number): Value {
  const [first, second] = parts;
  check(first, 'bad-argument', () => 'concat: there are no tensors to join.');
  if (!second) return first;
  if (parts.length > r.widestJoin) {
    const groups = Array.from({ length: Math.ceil(parts.length / r.widestJoin) }, (_, i) =>
      parts.slice(i * r.widestJoin, (i + 1) * r.widestJoin),
    );
    const joined = groups.map(group => concat(r, group, axis));
    return concat(r, joined, axis);
  }
  const [along = axis] = tf.util.parseAxisParam(axis, first.shape);
  const shape = tf.backend_util.computeOutShape(
    parts.map(part => part.shape),
    along,
  );
  return r.emit('Concat', parts, { shape, dtype: first.dtype }, { axis: along });
}

const withAxis = (r: Recorder, x: Value, axis: number): Value =>
  r.reshape(x, x.shape.toSpliced(axis < 0 ? axis + x.shape.length + 1 : axis, 0, 1));

const pack: Kernel<Values, tf.PackAttrs> = (inputs, { axis }, r) =>
  concat(
    r,
    Object.values(inputs).map(x => withAxis(r, x, axis)),
    axis,
  );

const unpack: Kernel<Values<'value'>, tf.UnpackAttrs> = ({ value }, { axis }, r) => {
  const [along = axis] = tf.util.parseAxisParam(axis, value.shape);
  const ones = Array<number>(value.shape[along]!).fill(1);
  return split(r, value, ones, along).map(part => r.reshape(part, part.shape.toSpliced(along, 1)));
};

const pads = (paddings: [number, number][]): number[] => [
  ...paddings.map(([before]) => before),
  ...paddings.map(([, after]) => after),
];

const padded = (x: Value, paddings: [number, number][]): number[] =>
  paddings.map(([before, after], axis) => before + x.shape[axis]! + after);

const pad: Kernel<One, tf.PadV2Attrs> = ({ x }, { paddings, constantValue }, r) => {
  const fill = r.uniform(constantValue, [], x.dtype);
  return r.emit('Pad', [x, r.ints(pads(paddings)), fill], { shape: padded(x, paddings), dtype: x.dtype });
};

const mirrorPad: Kernel<One, tf.MirrorPadAttrs> = ({ x }, { paddings, mode }, r) => {
  check(
    mode === 'reflect',
    'not-supported',
    () => `mirrorPad: ONNX reflects; '${mode}' cannot be recorded. Use 'reflect'.`,
  );
  return r.emit('Pad', [x, r.ints(pads(paddings))], { shape: padded(x, paddings), dtype: x.dtype }, { mode });
};

/** Repeating axes of length 1 is a broadcast, which stays lazy. */
const tile: Kernel<One, tf.TileAttrs> = ({ x }, { reps }, r) => {
  const shape = x.shape.map((size, axis) => size * reps[axis]!);
  const broadcasts = reps.every((times, axis) => times === 1 || x.shape[axis] === 1);
  if (broadcasts || x.uniform !== undefined) return { ...x, shape };
  return r.emit('Tile', [x, r.ints(reps)], { shape, dtype: x.dtype });
};

const reverse: Kernel<One, tf.ReverseAttrs> = ({ x }, { dims }, r) => {
  const axes = tf.util.parseAxisParam(dims, x.shape);
  if (axes.length === 0) return x;
  const every = (value: number) => r.ints(axes.map(() => value));
  return r.emit('Slice', [x, every(-1), every(beforeFirst), r.ints(axes), every(-1)], {
    shape: x.shape,
    dtype: x.dtype,
  });
};

export const shapeKernels: KernelTable = {
  Reshape: ({ x }: One, { shape }: tf.ReshapeAttrs, r) =>
    r.reshape(x, tf.util.inferFromImplicitShape(shape, tf.util.sizeFromShape(x.shape))),
  ExpandDims: ({ input }: Values<'input'>, { dim }: tf.ExpandDimsAttrs, r) => withAxis(r, input, dim),
  Transpose: transpose,
  Slice: sliceKernel,
  StridedSlice: stridedSlice,
  SplitV: splitV,
  Concat: (inputs: Values, { axis }: tf.ConcatAttrs, r) => concat(r, Object.values(inputs), axis),
  Pack: pack,
  Unpack: unpack,
  PadV2: pad,
  MirrorPad: mirrorPad,
  Tile: tile,
  BroadcastTo: ({ x }: One, { shape }: tf.BroadCastToAttrs) => ({ ...x, shape }),
  Reverse: reverse,
};
