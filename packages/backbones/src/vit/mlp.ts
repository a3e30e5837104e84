import { gelu, Linear, Module, truncatedNormal, zeros } from '@peft/core';
import type * as tf from '@tensorflow/tfjs-core';

/** Rounded down, but for the rounding error of a ratio that was a quotient. */
export const hiddenFeatures = (features: number, ratio: number): number => Math.floor(features * ratio + 1e-6);

/** `fc2(gelu(fc1(x)))`, `[..., D]`. */
export class Mlp extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly fc1: Linear;
  readonly fc2: Linear;

  constructor(features: number, hidden: number) {
    super();
    this.inFeatures = features;
    this.outFeatures = features;
    const init = { weightInit: truncatedNormal(0.02), biasInit: zeros };
    this.fc1 = new Linear(features, hidden, init);
    this.fc2 = new Linear(hidden, features, init);
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.fc2.call(gelu(this.fc1.call(x)));
  }
}
