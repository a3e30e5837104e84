import { countParameters } from '@peft/core';
import type { RunModel } from './model.ts';

/** Counts the trained parameters, and all parameters of the adapted model. */
export function countsOf({ model, backbone }: RunModel): { trainable: number; total: number } {
  const plans = [...model.adapters.values()].map(({ plan }) => plan);
  const { trainable, base, adapter } = countParameters(backbone.model, plans);
  return { trainable, total: base + adapter };
}
