import * as tf from '@tensorflow/tfjs-core';
import type { Adaptable, Target } from '../method/targets.ts';
import type { Slice } from '../module/layers.ts';
import type { Patch } from '../module/module.ts';
import { linear } from '../tensor/linear.ts';
import { type AttachedTarget, sliceWeight, valuesOf } from './adapter.ts';
import { applyGates, spreadGates } from './gates.ts';

interface Piece {
  readonly slice: Slice;
  readonly delta: tf.Tensor;
}

const padLast = (x: tf.Tensor, before: number, after: number): tf.Tensor =>
  before + after === 0 ? x : tf.pad(x, [...x.shape.slice(1).map((): [number, number] => [0, 0]), [before, after]]);

/** Concatenates the deltas of slices, in order and with zeros between them, to `width` outputs. */
function assemble(pieces: Piece[], width: number): tf.Tensor {
  const padded = pieces.map(({ slice, delta }, i) =>
    padLast(delta, i === 0 ? slice.start : 0, (pieces[i + 1]?.slice.start ?? width) - slice.end),
  );
  const [first, second] = padded;
  return first && !second ? first : tf.concat(padded, -1);
}

/** Sums deltas of the same slice, and puts the pieces in the order of the outputs. */
function mergeSlices(pieces: Piece[]): Piece[] {
  const bySlice = new Map<string, Piece>();
  for (const { slice, delta } of pieces) {
    const range = `${slice.start}:${slice.end}`;
    const known = bySlice.get(range);
    bySlice.set(range, { slice, delta: known ? tf.add(known.delta, delta) : delta });
  }
  return [...bySlice.values()].sort((a, b) => a.slice.start - b.slice.start);
}

/** The factors of the module's output that output gates ask for, `[B, 1, width]`; undefined without such gates. */
function outputFactors(targets: readonly AttachedTarget[], width: number): tf.Tensor | undefined {
  const gated = targets.flatMap(({ adapter, target }) => {
    const gates = adapter.gates?.get(target);
    if (gates?.on !== 'output') return [];
    // Gates minus one: padding with zeros then leaves the outputs between the slices as they are.
    return [{ slice: sliceOf(target), delta: tf.sub(spreadGates(gates.values, target.outFeatures), 1) }];
  });
  return gated.length > 0 ? tf.add(assemble(mergeSlices(gated), width), 1) : undefined;
}

const sliceOf = ({ slice, module }: Target): Slice => slice ?? { start: 0, end: module.outFeatures };

/**
 * The patch of one adapted module: adds the deltas of its active adapters.
 *
 * @param active the targets that act now; asked at each call
 * @param frozenWeight the module's weight as it was before anything was merged into it
 */
export function targetPatch(
  module: Adaptable,
  active: () => readonly AttachedTarget[],
  frozenWeight: () => tf.Tensor,
): Patch {
  /** `x W0`. It is `y` without the bias if neither a merge nor a `weightDelta` has changed the weight. */
  const baseOf = (target: Target, x: tf.Tensor, y: tf.Tensor): tf.Tensor => {
    const { start } = sliceOf(target);
    const isFrozen =
      !module.weight ||
      (frozenWeight() === module.weight.value && active().every(({ adapter }) => !adapter.method.weightDelta));
    if (!isFrozen) return linear(x, sliceWeight(frozenWeight(), target));
    const unbiased = module.bias ? tf.sub(y, module.bias.value) : y;
    if (!target.slice) return unbiased;
    const begin = y.shape.map((_, axis) => (axis === y.rank - 1 ? start : 0));
    return tf.slice(unbiased, begin, [...y.shape.slice(0, -1), target.outFeatures]);
  };
  const deltaOf = ({ adapter, target, parameters }: AttachedTarget, x: tf.Tensor, y: tf.Tensor): Piece => {
    const { method, name, weight } = adapter;
    const slice = sliceOf(target);
    const delta = method.delta({
      x,
      target,
      parameters: valuesOf(parameters),
      path: `${name}/${target.id}`,
      weight: () => sliceWeight(frozenWeight(), target),
      baseOutput: () => baseOf(target, x, y),
    });
    const weighted = weight === 1 ? delta : tf.mul(delta, weight);
    const gates = adapter.gates?.get(target);
    const isGated = gates?.on === 'delta';
    return { slice, delta: isGated ? applyGates(weighted, spreadGates(gates.values, target.outFeatures)) : weighted };
  };
  const adapted = (y: tf.Tensor, x: tf.Tensor, targets: readonly AttachedTarget[]): tf.Tensor => {
    const pieces = mergeSlices(targets.map(target => deltaOf(target, x, y)));
    const overlapping = pieces.some(({ slice }, i) => slice.start < (pieces[i - 1]?.slice.end ?? 0));
    if (!overlapping) return tf.add(y, assemble(pieces, module.outFeatures));
    return pieces.reduce((sum, piece) => tf.add(sum, assemble([piece], module.outFeatures)), y);
  };
  return {
    get rowwise() {
      return active().every(({ adapter }) => adapter.method.rowwise);
    },
    dependsOn: variables =>
      active().some(
        ({ adapter, target, parameters }) =>
          adapter.gates?.has(target) || Object.values(parameters).some(({ value }) => variables.has(value)),
      ),
    weight(frozen) {
      return active().reduce((sum, { adapter, target, parameters }) => {
        const delta = adapter.method.weightDelta?.({
          target,
          parameters: valuesOf(parameters),
          weight: () => sliceWeight(frozenWeight(), target),
        });
        if (!delta) return sum;
        const { start, end } = sliceOf(target);
        const weighted = adapter.weight === 1 ? delta : tf.mul(delta, adapter.weight);
        return tf.add(sum, padLast(weighted, start, module.outFeatures - end));
      }, frozen);
    },
    output(y, x) {
      const targets = active();
      if (targets.length === 0) return y;
      const sum = adapted(y, x, targets);
      const factors = outputFactors(targets, module.outFeatures);
      return factors ? applyGates(sum, factors) : sum;
    },
  };
}
