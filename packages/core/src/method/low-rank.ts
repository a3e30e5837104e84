import * as tf from '@tensorflow/tfjs-core';
import { type Initializer, linearDefault, zeros } from '../module/init.ts';
import { linearLayout } from '../module/layout.ts';
import { linear } from '../tensor/linear.ts';
import type { ParameterSpec, Tensors } from './method.ts';

/** How the two factors start: by default A is drawn and B is zero, so that the update starts at zero. */
export interface LowRankInit {
  A?: Initializer;
  B?: Initializer;
}

/** A pair of factors `A [in, r]`, `B [r, out]`, whose product is a weight update of rank r (Hu et al. 2021). */
export const lowRankParameters = (
  { inFeatures, outFeatures }: { inFeatures: number; outFeatures: number },
  r: number,
  init: LowRankInit = {},
): Record<'A' | 'B', ParameterSpec> => ({
  A: { shape: [inFeatures, r], init: init.A ?? linearDefault(inFeatures), layout: linearLayout(inFeatures, r) },
  B: { shape: [r, outFeatures], init: init.B ?? zeros, layout: linearLayout(r, outFeatures), outputs: 1 },
});

/** `s (drop(x A)) B`: `[..., in]` to `[..., out]`. */
export function lowRankDelta(x: tf.Tensor, { A, B }: Tensors, scale: number, drop = (h: tf.Tensor) => h): tf.Tensor {
  const h = drop(linear(x, A)); // [..., r]
  return linear(h, tf.mul(B, scale)); // [..., out]
}

/** `dW = s A B`, `[in, out]`. */
export const lowRankDeltaWeight = ({ A, B }: Tensors, scale: number): tf.Tensor => tf.mul(tf.matMul(A, B), scale);
