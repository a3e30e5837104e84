import * as tf from '@tensorflow/tfjs-core';
import { type Initializer, linearDefault, zeros } from '../module/init.ts';
import { weightLayout } from '../module/layout.ts';
import { linear } from '../tensor/linear.ts';
import type { Tensors } from '../tensor/tensors.ts';
import type { ParameterSpecs } from './method.ts';
import type { Target } from './targets.ts';

/** A pair of factors. */
export type LowRank = Tensors<'A' | 'B'>;

/** The initializers of the two factors. By default A is random and B is zero, so that the update starts at zero. */
export interface LowRankInit {
  A?: Initializer;
  B?: Initializer;
}

/**
 * A pair of factors `A [in, r]`, `B [r, out]`, whose product is a weight update of rank r (Hu et al. 2021). Those of a
 * convolution are stored as convolutions: by its kernel to r channels, and by 1 x 1 to its outputs.
 */
export const lowRankParameters = (
  { inFeatures, outFeatures, module }: Pick<Target, 'inFeatures' | 'outFeatures'> & Partial<Pick<Target, 'module'>>,
  r: number,
  init: LowRankInit = {},
): ParameterSpecs<LowRank> => {
  const kernel = module?.kernel;
  const [layoutA, layoutB] = [weightLayout(inFeatures, r, kernel), weightLayout(r, outFeatures, kernel && [r, 1, 1])];
  return {
    A: { shape: [inFeatures, r], init: init.A ?? linearDefault(inFeatures), layout: layoutA },
    B: { shape: [r, outFeatures], init: init.B ?? zeros, layout: layoutB, perOutput: true },
  };
};

/** `s (drop(x A)) B`: `[..., in]` to `[..., out]`. */
export function lowRankDelta(x: tf.Tensor, { A, B }: LowRank, scale: number, drop = (h: tf.Tensor) => h): tf.Tensor {
  const h = drop(linear(x, A)); // [..., r]
  return linear(h, tf.mul(B, scale)); // [..., out]
}

/** `dW = s A B`, `[in, out]`. */
export const lowRankDeltaWeight = ({ A, B }: LowRank, scale: number): tf.Tensor => tf.mul(tf.matMul(A, B), scale);
