import { headParameters } from '@peft/backbones';
import { countParameters } from '@peft/core';
import type { RunModel } from './model.ts';

/** Parameter counts of an adapted model. */
export interface Counts {
  /** All that training changes, the head included. */
  readonly trainable: number;
  /** The same without the classification heads, as papers count. */
  readonly adapterTrainable: number;
  readonly total: number;
}

export function countsOf({ model, backbone }: RunModel): Counts {
  const plans = [...model.adapters.values()].map(({ plan }) => plan);
  const { trainable, base, adapter } = countParameters(backbone.model, plans);
  const heads = new Set(headParameters(backbone.model).map(([path]) => path));
  const saved = plans.flatMap(plan => [...plan.saved]).filter(([path, { own }]) => heads.has(path) && own.trainable);
  const ofHeads = saved.reduce((sum, [, { own }]) => sum + own.size, 0);
  return { trainable, adapterTrainable: trainable - ofHeads, total: base + adapter };
}
