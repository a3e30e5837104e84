import { type AdaptedModel, check, type Parameter } from '@peft/core';

/** All tensors of the active adapters: a stage may have frozen some that were trained before. */
export const adapterParameters = (model: AdaptedModel): [string, Parameter][] =>
  model.active.flatMap(adapter =>
    [...adapter.parameters()].map(([path, parameter]): [string, Parameter] => [`${adapter.name}/${path}`, parameter]),
  );

/** The first number that is infinite or NaN. */
export const nonFinite = (values: ArrayLike<number>): number | undefined => {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return values[i];
  return undefined;
};

/** Refuses the values of a run that has diverged. */
export function checkFinite(path: string, values: ArrayLike<number>, step: number): void {
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
  for (const [path, parameter] of adapterParameters(model)) checkFinite(path, await parameter.get(), step);
}
