import * as tf from '@tensorflow/tfjs-core';
import type { Adaptable } from '../method/targets.ts';
import type { Slice } from '../module/layers.ts';
import type { Patch } from '../module/module.ts';
import { type AttachedSite, sliceWeight, valuesOf } from './adapter.ts';

interface Piece {
  readonly slice: Slice;
  readonly delta: tf.Tensor;
}

const padLast = (x: tf.Tensor, before: number, after: number): tf.Tensor =>
  before + after === 0 ? x : tf.pad(x, [...x.shape.slice(1).map((): [number, number] => [0, 0]), [before, after]]);

/** The deltas of slices in order, side by side, with zeros between them: one tensor of `width` outputs. */
function assemble(pieces: Piece[], width: number): tf.Tensor {
  const padded = pieces.map(({ slice, delta }, i) =>
    padLast(delta, i === 0 ? slice.start : 0, (pieces[i + 1]?.slice.start ?? width) - slice.end),
  );
  return padded.length > 1 ? tf.concat(padded, -1) : padded[0];
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

/**
 * The patch of one adapted module: adds what its active adapters give.
 *
 * @param active the sites that act now; asked at each call
 * @param frozenWeight the module's weight as it was before anything was merged into it
 */
export function sitePatch(module: Adaptable, active: () => AttachedSite[], frozenWeight: () => tf.Tensor): Patch {
  const deltaOf = ({ adapter, site, parameters }: AttachedSite, x: tf.Tensor, y: tf.Tensor): Piece => {
    const { method, name, weight } = adapter;
    const slice = site.slice ?? { start: 0, end: module.outFeatures };
    const delta = method.delta({
      x,
      site,
      parameters: valuesOf(parameters),
      path: `${name}/${site.id}`,
      weight: () => sliceWeight(frozenWeight(), site),
      base: () => {
        const unbiased = module.bias ? tf.sub(y, module.bias.value) : y;
        if (!site.slice) return unbiased;
        const begin = y.shape.map((_, axis) => (axis === y.rank - 1 ? slice.start : 0));
        return tf.slice(unbiased, begin, [...y.shape.slice(0, -1), site.outFeatures]);
      },
    });
    return { slice, delta: weight === 1 ? delta : tf.mul(delta, weight) };
  };
  return {
    output(y, x) {
      const sites = active();
      if (sites.length === 0) return y;
      const pieces = mergeSlices(sites.map(site => deltaOf(site, x, y)));
      const overlapping = pieces.some(({ slice }, i) => i > 0 && slice.start < pieces[i - 1].slice.end);
      if (!overlapping) return tf.add(y, assemble(pieces, module.outFeatures));
      return pieces.reduce((sum, piece) => tf.add(sum, assemble([piece], module.outFeatures)), y);
    },
  };
}
