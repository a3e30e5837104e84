import { gelu } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

export const activationNames = ['relu', 'sin', 'gelu', 'silu', 'identity'] as const;

export type Activation = (typeof activationNames)[number];

/** The activations phi, by name. Any shape. */
export const activations: Record<Activation, (x: tf.Tensor) => tf.Tensor> = {
  relu: x => tf.relu(x),
  sin: x => tf.sin(x),
  gelu: x => gelu(x),
  silu: x => tf.mul(x, tf.sigmoid(x)),
  identity: x => x,
};
