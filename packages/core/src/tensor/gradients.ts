import * as tf from '@tensorflow/tfjs-core';
import { gradientConfigs } from '#gradients';
import { withScope } from './scope.ts';

/**
 * Registers the gradients of TensorFlow.js' own ops with the shared engine; its Node entry registers none.
 * Gradients that are registered already stay, so it may be called twice, and beside `@tensorflow/tfjs`.
 */
export function registerGradients(): void {
  for (const config of gradientConfigs) if (!tf.getGradient(config.kernelName)) tf.registerGradient(config);
}

/** The value of a scalar function and its gradients by variable. The caller disposes of both. */
export interface ValueAndGrads {
  value: tf.Scalar;
  /** In the order of the variables given; `null` where the loss does not depend on the variable. */
  grads: (tf.Tensor | null)[];
}

/**
 * Runs `loss` and differentiates it with respect to `variables`. Only gradients on a path from one of them to the loss are
 * computed.
 */
export function valueAndGrads(loss: () => tf.Scalar, variables: readonly tf.Variable[]): ValueAndGrads {
  registerGradients();
  const frozen = variables.filter(variable => !variable.trainable);
  for (const variable of frozen) variable.trainable = true;
  try {
    const { value, grads } = withScope({ variables: new Set(variables) }, () => tf.variableGrads(loss, [...variables]));
    return { value, grads: variables.map(variable => grads[variable.name] ?? null) };
  } finally {
    for (const variable of frozen) variable.trainable = false;
  }
}
