import * as tf from '@tensorflow/tfjs-core';
import { currentScope, withScope } from './scope.ts';
import { isOnTape } from './tfjs.ts';

const detachedResults = new WeakSet<tf.Tensor>();

/** Evaluates `f` with gradients stopped: none flow to its inputs, and no intermediate tensor is kept. */
export function detached(f: (...inputs: tf.Tensor[]) => tf.Tensor, ...inputs: tf.Tensor[]): tf.Tensor {
  const result = tf.customGrad((...args: unknown[]) => {
    const tensors = args.slice(0, inputs.length) as tf.Tensor[];
    const value = withScope({ variables: undefined }, () => f(...tensors));
    return { value, gradFunc: () => inputs.map(input => tf.zeros(input.shape)) };
  })(...inputs);
  detachedResults.add(result);
  return result;
}

/**
 * Whether, inside {@link valueAndGrads}, no gradient flows through a tensor: it existed before, or {@link detached} made it.
 * False outside of {@link valueAndGrads}.
 */
export function isConstant(x: tf.Tensor): boolean {
  const { variables } = currentScope();
  if (!variables || variables.has(x)) return false;
  if (detachedResults.has(x)) return true;
  return !isOnTape(x);
}
