import * as tf from '@tensorflow/tfjs-core';
import { check } from '../errors.ts';
import { type FusedOp, runFused } from './kernel.ts';

const flat = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [-1, x.shape[x.rank - 1]]); // [..., d] -> [N, d]

/** y = x W + b, without `tf.fused.matMul`: on wasm it adds the bias several times if inputs are batched or transposed. */
const linearOp: FusedOp = {
  name: 'PeftLinear',
  reference({ x, weight, bias }) {
    const y = tf.matMul(flat(x), weight as tf.Tensor2D); // [N, out]
    return tf.reshape(bias ? tf.add(y, bias) : y, [...x.shape.slice(0, -1), weight.shape[1]!]);
  },
  gradient: {
    saveInputs: ['x', 'weight'],
    backward: (dy, [x, weight]) => ({
      x: () => tf.reshape(tf.matMul(flat(dy), weight as tf.Tensor2D, false, true), x.shape), // dy W^T
      weight: () => tf.matMul(flat(x), flat(dy), true), // x^T dy
      bias: () => tf.sum(flat(dy), 0),
    }),
  },
};

/**
 * Linear map `y = x W + b`.
 *
 * @param x `[..., in]`
 * @param weight `[in, out]`, TensorFlow's layout: the transpose of PyTorch's.
 * @param bias `[out]`
 * @returns `[..., out]`
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  check(
    weight.rank === 2 && x.shape[x.rank - 1] === weight.shape[0],
    'bad-shape',
    () =>
      `linear: x [${x.shape}] does not fit weight [${weight.shape}]; the last axis of x must equal the first of weight.`,
  );
  check(
    !bias || (bias.rank === 1 && bias.shape[0] === weight.shape[1]),
    'bad-shape',
    () => `linear: bias [${bias?.shape}] does not fit weight [${weight.shape}]; it must be [${weight.shape[1]}].`,
  );
  return runFused(linearOp, bias ? { x, weight, bias } : { x, weight })[0];
}
