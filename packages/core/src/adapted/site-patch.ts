import * as tf from '@tensorflow/tfjs-core';
import type { Adaptable, Site } from '../method/targets.ts';
import type { Slice } from '../module/layers.ts';
import type { Patch } from '../module/module.ts';
import { linear } from '../tensor/linear.ts';
import { firstRows } from '../tensor/rows.ts';
import { type AttachedSite, sliceWeight, valuesOf } from './adapter.ts';
import { applyGates, spreadGates } from './gates.ts';

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

/** What the output gates of the sites multiply the whole output by, `[B, 1, width]`; nothing if none has any. */
function outputFactors(sites: readonly AttachedSite[], width: number): tf.Tensor | undefined {
  const gated = sites.flatMap(({ adapter, site }) => {
    const gates = adapter.gates?.get(site);
    if (gates?.on !== 'output') return [];
    // Differences from one, so that what lies between the gated slices is multiplied by one.
    return [{ slice: sliceOf(site), delta: tf.sub(spreadGates(gates.values, site.outFeatures), 1) }];
  });
  return gated.length > 0 ? tf.add(assemble(mergeSlices(gated), width), 1) : undefined;
}

const sliceOf = ({ slice, module }: Site): Slice => slice ?? { start: 0, end: module.outFeatures };

/**
 * The patch of one adapted module: adds what its active adapters give.
 *
 * @param active the sites that act now; asked at each call
 * @param frozenWeight the module's weight as it was before anything was merged into it
 */
export function sitePatch(module: Adaptable, active: () => AttachedSite[], frozenWeight: () => tf.Tensor): Patch {
  /** `x W0`: the output without its bias, unless the weight that it came from was changed, by a merge or by an adapter. */
  const baseOf = (site: Site, x: tf.Tensor, y: tf.Tensor): tf.Tensor => {
    const { start } = sliceOf(site);
    const isWhole = x.shape[1] === y.shape[1];
    const isFrozen =
      !module.weight ||
      (frozenWeight() === module.weight.value && active().every(({ adapter }) => !adapter.method.weightDelta));
    if (!isFrozen || !isWhole) return linear(x, sliceWeight(frozenWeight(), site));
    const unbiased = module.bias ? tf.sub(y, module.bias.value) : y;
    if (!site.slice) return unbiased;
    const begin = y.shape.map((_, axis) => (axis === y.rank - 1 ? start : 0));
    return tf.slice(unbiased, begin, [...y.shape.slice(0, -1), site.outFeatures]);
  };
  const deltaOf = ({ adapter, site, parameters }: AttachedSite, x: tf.Tensor, y: tf.Tensor): Piece => {
    const { method, name, weight } = adapter;
    const slice = sliceOf(site);
    const delta = method.delta({
      x,
      site,
      parameters: valuesOf(parameters),
      path: `${name}/${site.id}`,
      weight: () => sliceWeight(frozenWeight(), site),
      base: () => baseOf(site, x, y),
    });
    const wanted = firstRows(delta, y.shape[1]);
    const weighted = weight === 1 ? wanted : tf.mul(wanted, weight);
    const gates = adapter.gates?.get(site);
    const isGated = gates?.on === 'delta';
    return { slice, delta: isGated ? applyGates(weighted, spreadGates(gates.values, site.outFeatures)) : weighted };
  };
  const adapted = (y: tf.Tensor, x: tf.Tensor, sites: AttachedSite[]): tf.Tensor => {
    const pieces = mergeSlices(sites.map(site => deltaOf(site, x, y)));
    const overlapping = pieces.some(({ slice }, i) => i > 0 && slice.start < pieces[i - 1].slice.end);
    if (!overlapping) return tf.add(y, assemble(pieces, module.outFeatures));
    return pieces.reduce((sum, piece) => tf.add(sum, assemble([piece], module.outFeatures)), y);
  };
  return {
    get rows() {
      if (active().every(({ adapter }) => adapter.method.rowwise)) return 'each';
      return module.weight ? 'all' : undefined; // what a block gives can't be had for all rows from a few
    },
    dependsOn: variables =>
      active().some(
        ({ adapter, site, parameters }) =>
          adapter.gates?.has(site) || Object.values(parameters).some(({ value }) => variables.has(value)),
      ),
    weight(frozen) {
      return active().reduce((sum, { adapter, site, parameters }) => {
        const delta = adapter.method.weightDelta?.({
          site,
          parameters: valuesOf(parameters),
          weight: () => sliceWeight(frozenWeight(), site),
        });
        if (!delta) return sum;
        const { start, end } = sliceOf(site);
        const weighted = adapter.weight === 1 ? delta : tf.mul(delta, adapter.weight);
        return tf.add(sum, padLast(weighted, start, module.outFeatures - end));
      }, frozen);
    },
    output(y, x) {
      const sites = active();
      if (sites.length === 0) return y;
      const sum = adapted(y, x, sites);
      const factors = outputFactors(sites, module.outFeatures);
      return factors ? applyGates(sum, factors) : sum;
    },
  };
}
