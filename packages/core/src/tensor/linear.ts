import * as tf from '@tensorflow/tfjs-core';
import { check } from '../errors.ts';
import { quantizedWeight } from '../quantized/quantized.ts';
import { roundedRows } from '../quantized/rounded-rows.ts';
import { type FusedOp, runFused } from './kernel.ts';

const flat = (x: tf.Tensor, width: number): tf.Tensor2D => tf.reshape(x, [-1, width]); // [..., d] -> [N, d]

type LinearInputs = { x: tf.Tensor; weight: tf.Tensor2D; bias?: tf.Tensor };

/**
 * y = x W + b, without `tf.fused.matMul`: on wasm it adds the bias several times if inputs are batched or transposed. Where W is kept
 * in 8 bits, the rows of x are rounded to 8 bits.
 */
const linearOp: FusedOp<LinearInputs, [y: tf.Tensor], [x: tf.Tensor, weight: tf.Tensor2D]> = {
  name: 'PeftLinear',
  reference({ x, weight, bias }) {
    const [inFeatures, outFeatures] = weight.shape;
    const rows = flat(x, inFeatures);
    const y = tf.matMul(quantizedWeight(weight.dataId) ? roundedRows(rows) : rows, weight); // [N, out]
    return [tf.reshape(bias ? tf.add(y, bias) : y, [...x.shape.slice(0, -1), outFeatures])];
  },
  gradient: {
    saveInputs: ['x', 'weight'],
    backward(dy, [x, weight]) {
      const [inFeatures, outFeatures] = weight.shape;
      return {
        x: () => runFused(inputGradOp, { dy, weight })[0],
        weight: () => tf.matMul(flat(x, inFeatures), flat(dy, outFeatures), true), // x^T dy
        bias: () => tf.sum(flat(dy, outFeatures), 0),
      };
    },
  },
};

/**
 * dx = dy W^T. Where W = Q s is kept in 8 bits, the rows of dy s are rounded to 8 bits and multiplied with Q^T: so one Q serves both
 * products. Rounding x counts as the identity.
 */
const inputGradOp: FusedOp<{ dy: tf.Tensor; weight: tf.Tensor2D }, [dx: tf.Tensor]> = {
  name: 'PeftLinearInputGrad',
  reference({ dy, weight }) {
    const [inFeatures, outFeatures] = weight.shape;
    const rows = flat(dy, outFeatures);
    const quantized = quantizedWeight(weight.dataId);
    const scales = quantized && tf.tensor1d(quantized.scales());
    const rounded = scales ? tf.div(roundedRows(tf.mul(rows, scales)), scales) : rows;
    return [tf.reshape(tf.matMul(rounded, weight, false, true), [...dy.shape.slice(0, -1), inFeatures])];
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
  return runFused(linearOp, { x, weight: weight as tf.Tensor2D, ...(bias && { bias }) })[0];
}
