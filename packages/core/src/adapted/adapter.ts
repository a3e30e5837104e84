import * as tf from '@tensorflow/tfjs-core';
import { check } from '../errors.ts';
import type { Mergeable, TargetValues } from '../method/method.ts';
import type { Target } from '../method/targets.ts';
import type { Parameter } from '../module/parameter.ts';
import { fold, type Key } from '../tensor/random.ts';
import type { Tensors } from '../tensor/tensors.ts';
import type { Gates } from './gates.ts';
import { type AdapterPlan, parameterOf, type TargetParameters } from './plan.ts';

/** A target of an adapter in a model: what a patched module needs to run it. */
export interface AttachedTarget extends TargetParameters {
  readonly adapter: Adapter;
}

/** One named adapter: a method applied to a model, with parameter values. */
export class Adapter {
  readonly name: string;
  readonly plan: AdapterPlan;
  readonly attachedTargets: readonly AttachedTarget[];
  /** Seeds its initial values. */
  readonly key: Key;
  /** Multiplies what it adds; 1 unless set by `use`. */
  weight = 1;
  /** Gates by target while the adapter is scored; see `AdaptedModel.gated`. */
  gates: ReadonlyMap<Target, Gates> | undefined;

  constructor(name: string, plan: AdapterPlan, key: Key) {
    this.name = name;
    this.plan = plan;
    this.key = key;
    this.attachedTargets = plan.byTarget.map(it => ({ adapter: this, ...it }));
  }

  get method(): AdapterPlan['method'] {
    return this.plan.method;
  }

  /** Whether it can be merged: its method can, and every target has a weight. */
  get mergeable(): Mergeable {
    const block = this.plan.targets.find(({ module }) => !module.weight);
    if (this.method.mergeable !== true || !block) return this.method.mergeable;
    return { reason: `${block.path} is a block without a weight.` };
  }

  /** Every tensor of the adapter with a path: its own parameters, then its copies of base parameters. */
  *parameters(): Generator<[string, Parameter]> {
    yield* this.plan.parameters;
    for (const [path, { own }] of this.plan.saved) yield [path, own];
  }

  /**
   * Initializes every tensor without values, each from the random stream of its own path. Copies of base parameters start
   * with the base's values.
   *
   * @param weightOf a target's frozen weight, `[in, out]`, for methods that start from it
   */
  async initialize(weightOf: (target: Target) => Promise<Float32Array>): Promise<void> {
    const from = this.key;
    const { method, byTarget, parameters: all, saved } = this.plan;
    const empty = new Set([...this.parameters()].flatMap(([, it]) => (it.isMaterialized ? [] : [it])));
    for (const [path, parameter] of all) if (empty.has(parameter)) parameter.initialize(fold(from, path));
    if (method.initFromWeight) {
      for (const planned of byTarget) {
        const { target, parameters } = planned;
        if (!Object.values(parameters).some(parameter => empty.has(parameter))) continue;
        const values = await method.initFromWeight(target, await weightOf(target), fold(from, target.id));
        for (const [name, data] of Object.entries(values)) {
          const parameter = parameterOf(planned, name);
          if (empty.has(parameter)) parameter.setWhole(data);
        }
      }
    }
    for (const { base, own } of saved.values())
      if (empty.has(own)) own.set(Float32Array.from(await base.ownValue.data()));
  }

  /** The values of its targets, in memory order. */
  async targetValues(): Promise<TargetValues> {
    const read = async ([name, parameter]: [string, Parameter]) => [name, await parameter.getWhole()] as const;
    return Promise.all(
      this.plan.byTarget.map(async ({ target, parameters }) => {
        const values = await Promise.all(Object.entries(parameters).map(read));
        return { target, values: Object.fromEntries(values) };
      }),
    );
  }

  /**
   * Takes over the values and the trainable flags of the adapter that it replaces.
   *
   * @param given values by path, which win over those of the old adapter
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
      if (given[path]) parameter.setWhole(given[path]);
      else if (old && String(old.wholeShape) === String(parameter.wholeShape)) parameter.setWhole(await old.getWhole());
      if (old && !old.fixed && !parameter.fixed) parameter.trainable = old.trainable;
    }
    this.weight = from.weight;
  }

  dispose(): void {
    for (const [, parameter] of this.parameters()) parameter.dispose();
  }
}

/** The tensors of a target, whole. Call it in a tidy. */
export const valuesOf = (parameters: Record<string, Parameter>): Tensors =>
  Object.fromEntries(Object.entries(parameters).map(([name, parameter]) => [name, parameter.whole]));

/** The part of a fused projection's weight that belongs to a target, `[in, out]`. The caller disposes of it. */
export function sliceWeight(weight: tf.Tensor, { slice, inFeatures, outFeatures }: Target): tf.Tensor {
  return slice ? tf.slice(weight, [0, slice.start], [inFeatures, outFeatures]) : tf.clone(weight);
}
