import * as tf from '@tensorflow/tfjs-core';
import type { GateSpec } from '../method/gate.ts';
import { dims } from '../tensor/dims.ts';

/** Gates at a target: one for each sample and group of outputs, `[B, G]`. */
export interface Gates {
  readonly on: GateSpec['on'];
  readonly values: tf.Tensor;
}

/** Repeats each gate over the outputs of its group: `[B, G]` to factors `[B, 1, out]`. */
export function spreadGates(gates: tf.Tensor, outFeatures: number): tf.Tensor3D {
  const [batch, groups] = dims(gates, 2);
  const wide = tf.mul(tf.reshape(gates, [batch, groups, 1]), tf.ones([1, 1, outFeatures / groups])); // [B, G, out / G]
  return tf.reshape(wide, [batch, 1, outFeatures]);
}

/**
 * Multiplies `y` `[B w, ..., out]` by factors `[B, 1, out]`. The leading axis of `y` holds the w windows of each sample in a
 * row; w is 1 without windows.
 */
export function applyGates(y: tf.Tensor, factors: tf.Tensor): tf.Tensor {
  const [batch, , outFeatures] = dims(factors, 3);
  return tf.reshape(tf.mul(tf.reshape(y, [batch, -1, outFeatures]), factors), y.shape);
}
