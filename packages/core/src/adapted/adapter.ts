import * as tf from '@tensorflow/tfjs-core';
import type { Tensors } from '../method/method.ts';
import type { Site } from '../method/targets.ts';
import type { Parameter } from '../module/parameter.ts';
import { fold, type Key } from '../tensor/random.ts';
import type { AdapterPlan } from './plan.ts';

/** A site of an adapter in a model: what a patched module needs to run it. */
export interface AttachedSite {
  readonly adapter: Adapter;
  readonly site: Site;
  readonly parameters: Record<string, Parameter>;
}

/** One named adapter: a method laid out on a model, with values. */
export class Adapter {
  readonly name: string;
  readonly plan: AdapterPlan;
  /** Multiplies what it adds; 1 unless set by `use`. */
  weight = 1;

  constructor(name: string, plan: AdapterPlan) {
    this.name = name;
    this.plan = plan;
  }

  get method(): AdapterPlan['method'] {
    return this.plan.method;
  }

  get attachedSites(): AttachedSite[] {
    return this.plan.sites.map((site, i) => ({ adapter: this, site, parameters: this.plan.bySite[i] }));
  }

  /** Every tensor of the adapter with a path: its own parameters, then its copies of base parameters. */
  *parameters(): Generator<[string, Parameter]> {
    yield* this.plan.parameters;
    for (const [path, { own }] of this.plan.saved) yield [path, own];
  }

  /**
   * Draws initial values, each tensor from the stream of its own path; copies start as what they copy.
   *
   * @param weightOf a site's frozen weight, `[in, out]`, for methods that start from it
   */
  async initialize(from: Key, weightOf: (site: Site) => Promise<Float32Array>): Promise<void> {
    const { method, sites, bySite, parameters, saved } = this.plan;
    for (const [path, parameter] of parameters) parameter.initialize(fold(from, path));
    if (method.prepare) {
      for (const [i, site] of sites.entries()) {
        const values = await method.prepare(site, await weightOf(site), fold(from, site.id));
        for (const [name, data] of Object.entries(values)) bySite[i][name].set(data);
      }
    }
    for (const { base, own } of saved.values()) own.set(Float32Array.from(await base.ownValue.data()));
  }

  dispose(): void {
    for (const [, parameter] of this.parameters()) parameter.dispose();
  }
}

export const valuesOf = (parameters: Record<string, Parameter>): Tensors =>
  Object.fromEntries(Object.entries(parameters).map(([name, parameter]) => [name, parameter.value]));

/** The part of a fused projection's weight that belongs to a site, `[in, out]`. The caller disposes of it. */
export function sliceWeight(weight: tf.Tensor, { slice, inFeatures, outFeatures }: Site): tf.Tensor {
  return slice ? tf.slice(weight, [0, slice.start], [inFeatures, outFeatures]) : tf.clone(weight);
}
