import { constant, Module, Parameter } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

/** A learned factor for each feature (Touvron et al. 2021, arXiv 2103.17239), `[..., D]`. */
export class LayerScale extends Module {
  readonly gamma: Parameter;

  constructor(features: number, initial: number) {
    super();
    this.gamma = new Parameter([features], constant(initial));
  }

  forward(x: tf.Tensor): tf.Tensor {
    return tf.mul(x, this.gamma.value);
  }
}
