import { type AdaptedModel, check, nonFinite, type Parameter } from '@peft/core';

/** All tensors of the active adapters: a stage may have frozen some that were trained before. */
export const adapterParameters = (model: AdaptedModel): [string, Parameter][] =>
  model.active.flatMap(adapter =>
    [...adapter.parameters()].map(([path, parameter]): [string, Parameter] => [`${adapter.name}/${path}`, parameter]),
  );

/** Refuses the values of a run that has diverged. */
export function checkNotDiverged(path: string, values: ArrayLike<number>, step: number): void {
  const found = nonFinite(values);
  check(
    found === undefined,
    'numerics',
    () =>
      `${path} became ${found} by step ${step}: the run has diverged. Use a lower learning rate or clip the gradient.`,
  );
}

/** Refuses adapters of which a tensor is not finite. */
export async function checkParameters(model: AdaptedModel, step: number): Promise<void> {
  for (const [path, parameter] of adapterParameters(model)) checkNotDiverged(path, await parameter.get(), step);
}
