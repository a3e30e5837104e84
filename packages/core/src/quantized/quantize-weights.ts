import { roundToHalf } from '../files/dtype.ts';
import { Linear } from '../module/layers.ts';
import type { Module } from '../module/module.ts';
import { modules } from '../module/tree.ts';
import { dequantizeBlocks, fitsBlocks, type QuantizedMatrix, quantizeBlocks, quantizeMatrix } from './matrix.ts';

export const quantizedDtypes = ['int8', 'int4'] as const;

/** How weights are kept: in 8 bits; or rounded to 4 bits, and the result kept in 8. */
export type QuantizedDtype = (typeof quantizedDtypes)[number];

export const isQuantizedDtype = (dtype: string): dtype is QuantizedDtype => dtype === 'int8' || dtype === 'int4';

export interface QuantizeOptions {
  /** Whether the weight of a module is left in float32. */
  readonly keep?: (path: string) => boolean;
}

/** Rounds to 4 bits, then what these stand for to 8. A width that has no whole blocks is rounded to 8 bits alone. */
const throughBlocks = (values: Float32Array, outFeatures: number): QuantizedMatrix => {
  if (!fitsBlocks(values.length / outFeatures)) return quantizeMatrix(values, outFeatures);
  return quantizeMatrix(dequantizeBlocks(quantizeBlocks(values, outFeatures, roundToHalf)), outFeatures);
};

const rounders = { int8: quantizeMatrix, int4: throughBlocks };

/**
 * Keeps the weights of a model's linear modules in 8 bits, except those that are so already. Products with them then multiply integers,
 * forward and backward, and what reads them sees the numbers that the bits stand for. Call it on a backbone that has its weights,
 * before `adapt`.
 *
 * ```ts
 * quantizeWeights(backbone, 'int8', { keep: path => path === 'head' });
 * ```
 *
 * Biases, norms, embeddings and convolutions stay in float32.
 *
 * @returns the paths of the modules whose weights are kept so
 */
export function quantizeWeights(
  model: Module,
  dtype: QuantizedDtype,
  { keep = () => false }: QuantizeOptions = {},
): string[] {
  const kept: string[] = [];
  for (const [path, module] of modules(model)) {
    if (!(module instanceof Linear) || keep(path)) continue;
    const { weight } = module;
    if (!weight.isQuantizable || !weight.isMaterialized) continue;
    if (!weight.isQuantized) weight.quantize(rounders[dtype]);
    kept.push(path);
  }
  return kept;
}
