import * as tf from '@tensorflow/tfjs-core';
import type { GateSpec } from '../method/gate.ts';

/** Gates at a target: one for each sample and group of outputs, `[B, G]`. */
export interface Gates {
  readonly on: GateSpec['on'];
  readonly values: tf.Tensor;
}

/** Repeats each gate over the outputs of its group: `[B, G]` to factors `[B, 1, out]`. */
export function spreadGates(gates: tf.Tensor, outFeatures: number): tf.Tensor3D {
  const [batch, groups] = gates.shape;
  const wide = tf.mul(tf.reshape(gates, [batch, groups, 1]), tf.ones([1, 1, outFeatures / groups])); // [B, G, out / G]
  return tf.reshape(wide, [batch, 1, outFeatures]);
}

/**
 * Multiplies `y` `[B w, ..., out]` by factors `[B, 1, out]`. The leading axis of `y` holds the w windows of each sample in a
 * row; w is 1 without windows.
 */
export const applyGates = (y: tf.Tensor, factors: tf.Tensor): tf.Tensor =>
  tf.reshape(tf.mul(tf.reshape(y, [factors.shape[0], -1, factors.shape[2] as number]), factors), y.shape);
