import { countParameters } from '@peft/core';
import type { RunModel } from './model.ts';

/** Parameter counts of an adapted model. */
export interface Counts {
  /** All that training changes, the head included. */
  readonly trainable: number;
  /** The trained part of the adapters' own tensors, as papers count: no head. */
  readonly adapterTrainable: number;
  readonly total: number;
}

export function countsOf({ model, backbone }: RunModel): Counts {
  const plans = [...model.adapters.values()].map(({ plan }) => plan);
  const { trainable, adapterTrainable, base, adapter } = countParameters(backbone.model, plans);
  return { trainable, adapterTrainable, total: base + adapter };
}
