import { type Module, type QuantizedDtype, quantizeWeights } from '@peft/core';

/**
 * Keeps the weights of a backbone's linear modules in 8 bits, but for those of its heads: see `quantizeWeights` of `@peft/core`.
 *
 * @returns the paths of the modules whose weights are kept so
 */
export const quantizeBackbone = (
  model: Module & { readonly classifiers: readonly string[] },
  dtype: QuantizedDtype,
): string[] => quantizeWeights(model, dtype, { keep: path => model.classifiers.includes(path) });
