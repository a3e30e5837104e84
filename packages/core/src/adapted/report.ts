import type { Module } from '../module/module.ts';
import { parameters } from '../module/tree.ts';
import type { AdapterPlan } from './plan.ts';

/** Parameter counts. */
export interface ParameterReport {
  /** The base model. */
  base: number;
  /** The method's own tensors, shared ones counted once: what is stored. */
  adapter: number;
  /** The trainable part of `adapter`: what papers report. */
  adapterTrainable: number;
  /** The adapter's copies of base parameters: heads and biases. */
  saved: number;
  /** All that training changes: the trainable part of `adapter` and `saved`. */
  trainable: number;
  /** The number of adapted targets. */
  targets: number;
}

const sizes = (list: Iterable<{ size: number }>): number => [...list].reduce((sum, { size }) => sum + size, 0);

/** Counts a planned adapter's parameters on a model, with or without values. */
export function countParameters(root: Module, plans: readonly AdapterPlan[]): ParameterReport {
  const own = plans.flatMap(plan => [...plan.parameters.values()]);
  const saved = plans.flatMap(plan => [...plan.saved.values()].map(({ own: copy }) => copy));
  return {
    base: sizes([...parameters(root)].map(([, parameter]) => parameter)),
    adapter: sizes(own),
    adapterTrainable: sizes(own.filter(({ trainable }) => trainable)),
    saved: sizes(saved),
    trainable: sizes([...own, ...saved].filter(({ trainable }) => trainable)),
    targets: plans.reduce((sum, plan) => sum + plan.targets.length, 0),
  };
}
