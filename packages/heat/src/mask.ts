import type { ParameterSpec } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

/** Neighboring features along an axis that are all on or all off. */
export interface Run {
  readonly size: number;
  readonly active: boolean;
}

/** Features that are shared equally by heads, of which some are off; nothing if none is. */
export function runsOf(features: number, heads: number, off: readonly number[]): Run[] | undefined {
  if (off.length === 0) return undefined;
  const runs: { size: number; active: boolean }[] = [];
  for (let head = 0; head < heads; head++) {
    const active = !off.includes(head);
    const last = runs.at(-1);
    if (last?.active === active) last.size += features / heads;
    else runs.push({ size: features / heads, active });
  }
  return runs;
}

/** 1 where features are on, 0 where they are off: `[features]`. */
export const maskOf = (runs: readonly Run[]): tf.Tensor =>
  tf.concat(runs.map(({ size, active }) => (active ? tf.ones([size]) : tf.zeros([size]))));

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

const withAxis = (shape: readonly number[], axis: number, size: number): number[] => shape.toSpliced(axis, 1, size);

const activeSize = (runs: readonly Run[]): number =>
  runs.reduce((sum, { size, active }) => sum + (active ? size : 0), 0);

/** Where the active runs of a tensor of `shape` lie in it, and where without what is off. */
function* activeBlocks(shape: readonly number[], axis: number, runs: readonly Run[]) {
  const inner = product(shape.slice(axis + 1));
  let [wide, narrow] = [0, 0];
  for (let row = product(shape.slice(0, axis)); row > 0; row--) {
    for (const { size, active } of runs) {
      const length = size * inner;
      if (active) yield { wide, narrow, length };
      wide += length;
      if (active) narrow += length;
    }
  }
}

/** The values of a tensor of `shape` without those that are off along an axis. */
export function narrow(
  values: Float32Array,
  shape: readonly number[],
  axis: number,
  runs: readonly Run[],
): Float32Array {
  const result = new Float32Array(product(withAxis(shape, axis, activeSize(runs))));
  for (const { wide, narrow, length } of activeBlocks(shape, axis, runs))
    result.set(values.subarray(wide, wide + length), narrow);
  return result;
}

/** The inverse of {@link narrow}, with zeros where features are off. */
export function widen(
  values: Float32Array,
  shape: readonly number[],
  axis: number,
  runs: readonly Run[],
): Float32Array {
  const result = new Float32Array(product(shape));
  for (const { wide, narrow, length } of activeBlocks(shape, axis, runs))
    result.set(values.subarray(narrow, narrow + length), wide);
  return result;
}

/** The same of a tensor. */
export function widenTensor(x: tf.Tensor, axis: number, runs: readonly Run[]): tf.Tensor {
  let start = 0;
  const pieces = runs.map(({ size, active }) => {
    const shape = withAxis(x.shape, axis, size);
    if (!active) return tf.zeros(shape);
    const begin = withAxis(
      x.shape.map(() => 0),
      axis,
      start,
    );
    start += size;
    return tf.slice(x, begin, shape);
  });
  return tf.concat(pieces, axis);
}

/** A parameter without what is off along its outputs; it starts as the rest of the whole one would. */
export function narrowSpec(spec: ParameterSpec, axis: number, runs: readonly Run[]): ParameterSpec {
  const { shape, init, layout } = spec;
  const size = activeSize(runs);
  return {
    ...spec,
    shape: withAxis(shape, axis, size),
    init: from => narrow(init(from, product(shape)), shape, axis, runs),
    ...(layout && {
      layout: { ...layout, shape: withAxis(layout.shape, layout.permutation[axis], size) },
    }),
  };
}

/** The parameters that can be narrowed, with the axis of their outputs: those that belong to a target of its own. */
export const outputAxes = (
  specs: Readonly<Record<string, ParameterSpec>>,
  { outFeatures }: { outFeatures: number },
): Record<string, number> =>
  Object.fromEntries(
    Object.entries(specs).flatMap(([name, { outputs, share, shape, layout }]) => {
      const isOwn = outputs !== undefined && share === undefined && shape[outputs] === outFeatures;
      const isPlain = !layout || layout.shape.length === shape.length; // its axes are the file's, in another order
      return isOwn && isPlain ? [[name, outputs]] : [];
    }),
  );
