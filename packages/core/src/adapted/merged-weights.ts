import * as tf from '@tensorflow/tfjs-core';
import { check } from '../errors.ts';
import { type Adaptable, weightOf } from '../method/targets.ts';
import { type Adapter, type AttachedSite, sliceWeight, valuesOf } from './adapter.ts';

/** The base weights that adapters are folded into, beside what they were before. */
export class MergedWeights {
  /** Those that something is folded into, as they were. */
  readonly #frozen = new Map<Adaptable, tf.Tensor>();
  #adapters: readonly Adapter[] = [];

  /** What is folded in. */
  get adapters(): readonly Adapter[] {
    return this.#adapters;
  }

  /** A module's weight, `[in, out]`, without what is folded in. */
  frozen(module: Adaptable): tf.Tensor {
    return this.#frozen.get(module) ?? weightOf(module).value;
  }

  /** W <- W0 + sum of the adapters' deltas. One that fails leaves all weights as they were. */
  fold(adapters: readonly Adapter[]): void {
    try {
      for (const [module, sites] of groupByModule(adapters.flatMap(adapter => adapter.attachedSites))) {
        const { value } = weightOf(module);
        const frozen = tf.keep(tf.clone(value));
        this.#frozen.set(module, frozen);
        const merged = tf.tidy(() =>
          sites.reduce((sum: tf.Tensor, site) => tf.add(sum, mergedDelta(site, frozen)), frozen),
        );
        value.assign(merged);
        merged.dispose();
      }
    } catch (error) {
      this.undo();
      throw error;
    }
    this.#adapters = adapters;
  }

  /** Gives the base its own weights back, bit by bit. */
  undo(): void {
    for (const [module, frozen] of this.#frozen) weightOf(module).value.assign(frozen);
    this.keep();
  }

  /** Leaves the base with what is folded in, from now on its own. */
  keep(): void {
    for (const frozen of this.#frozen.values()) frozen.dispose();
    this.#frozen.clear();
    this.#adapters = [];
  }
}

function groupByModule(sites: AttachedSite[]): Map<Adaptable, AttachedSite[]> {
  const groups = new Map<Adaptable, AttachedSite[]>();
  for (const site of sites) groups.set(site.site.module, [...(groups.get(site.site.module) ?? []), site]);
  return groups;
}

/** What a site adds to its whole module's weight, `[in, out]`. */
function mergedDelta({ adapter, site, parameters }: AttachedSite, frozen: tf.Tensor): tf.Tensor {
  const delta = adapter.method.deltaWeight?.({
    site,
    parameters: valuesOf(parameters),
    weight: () => sliceWeight(frozen, site),
  });
  check(
    delta,
    'not-mergeable',
    () => `Method ${adapter.method.type} says that it can be merged but has no deltaWeight.`,
  );
  const scaled = adapter.weight === 1 ? delta : tf.mul(delta, adapter.weight);
  if (!site.slice) return scaled;
  return tf.pad(scaled, [
    [0, 0],
    [site.slice.start, site.module.outFeatures - site.slice.end],
  ]);
}
