import * as tf from '@tensorflow/tfjs-core';

/** Evaluates `f` as a constant: no gradient flows to its inputs. */
export function detached(f: (...inputs: tf.Tensor[]) => tf.Tensor, ...inputs: tf.Tensor[]): tf.Tensor {
  return tf.customGrad((...args: unknown[]) => {
    const tensors = args.slice(0, inputs.length) as tf.Tensor[];
    return { value: f(...tensors), gradFunc: () => inputs.map(input => tf.zeros(input.shape)) };
  })(...inputs);
}
