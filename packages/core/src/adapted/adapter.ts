import * as tf from '@tensorflow/tfjs-core';
import { check } from '../errors.ts';
import type { SiteValues, Tensors } from '../method/method.ts';
import type { Site } from '../method/targets.ts';
import type { Parameter } from '../module/parameter.ts';
import { fold, type Key } from '../tensor/random.ts';
import type { Gates } from './gates.ts';
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
  /** Where its initial values come from. */
  readonly key: Key;
  /** Multiplies what it adds; 1 unless set by `use`. */
  weight = 1;
  /** Gates that hold while it is scored, by site; see `AdaptedModel.gated`. */
  gates: ReadonlyMap<Site, Gates> | undefined;

  constructor(name: string, plan: AdapterPlan, key: Key) {
    this.name = name;
    this.plan = plan;
    this.key = key;
  }

  get method(): AdapterPlan['method'] {
    return this.plan.method;
  }

  /** Why it cannot be merged, for people; nothing if it can. */
  get unmergeable(): string | undefined {
    const block = this.plan.sites.find(({ module }) => !module.weight);
    return this.method.unmergeable ?? (block && `${block.path} is a block without a weight.`);
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
   * Gives initial values to what has none, drawn from its key, each tensor from the stream of its own path; copies start as
   * what they copy.
   *
   * @param weightOf a site's frozen weight, `[in, out]`, for methods that start from it
   */
  async initialize(weightOf: (site: Site) => Promise<Float32Array>): Promise<void> {
    const from = this.key;
    const { method, sites, bySite, parameters, saved } = this.plan;
    const empty = new Set([...this.parameters()].flatMap(([, it]) => (it.isMaterialized ? [] : [it])));
    for (const [path, parameter] of parameters) if (empty.has(parameter)) parameter.initialize(fold(from, path));
    if (method.prepare) {
      for (const [i, site] of sites.entries()) {
        if (!Object.values(bySite[i]).some(parameter => empty.has(parameter))) continue;
        const values = await method.prepare(site, await weightOf(site), fold(from, site.id));
        for (const [name, data] of Object.entries(values)) if (empty.has(bySite[i][name])) bySite[i][name].set(data);
      }
    }
    for (const { base, own } of saved.values())
      if (empty.has(own)) own.set(Float32Array.from(await base.ownValue.data()));
  }

  /** The values of its sites, in memory order. */
  async siteValues(): Promise<SiteValues> {
    const read = async ([name, parameter]: [string, Parameter]) => [name, await parameter.get()] as const;
    return Promise.all(
      this.plan.sites.map(async (site, i) => {
        const values = await Promise.all(Object.entries(this.plan.bySite[i]).map(read));
        return { site, values: Object.fromEntries(values) };
      }),
    );
  }

  /**
   * Takes the values, and what was chosen for training, of the adapter that it follows.
   *
   * @param given values by path that come first
   */
  async takeOver(from: Adapter, given: Readonly<Record<string, Float32Array>>): Promise<void> {
    const before = new Map(from.parameters());
    const unknown = Object.keys(given).find(path => !this.plan.parameters.has(path));
    check(
      unknown === undefined,
      'bad-config',
      () => `Adapter "${this.name}" (${this.method.type}) has no parameter ${unknown} to take values.`,
    );
    for (const [path, parameter] of this.parameters()) {
      const old = before.get(path);
      if (given[path]) parameter.set(given[path]);
      else if (old && String(old.shape) === String(parameter.shape)) parameter.set(await old.get());
      if (old && !old.fixed && !parameter.fixed) parameter.trainable = old.trainable;
    }
    this.weight = from.weight;
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
