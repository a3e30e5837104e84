import * as tf from '@tensorflow/tfjs-core';
import { type FusedOp, runFused } from './kernel.ts';
import type { Tensors } from './tensors.ts';

/** `none` is exact, with the error function; `tanh` is the approximation of Hendrycks and Gimpel. */
export type GeluApproximation = 'none' | 'tanh';

const inner = (x: tf.Tensor): tf.Tensor =>
  tf.mul(tf.add(x, tf.mul(tf.mul(x, tf.square(x)), 0.044715)), Math.sqrt(2 / Math.PI));

const geluOp: FusedOp<Tensors<'x'>, [y: tf.Tensor], [x: tf.Tensor]> = {
  name: 'PeftGelu',
  reference({ x }, { approximate }) {
    const phi = approximate === 'tanh' ? tf.tanh(inner(x)) : tf.erf(tf.mul(x, Math.SQRT1_2));
    return [tf.mul(tf.mul(x, 0.5), tf.add(phi, 1))];
  },
  gradient: {
    saveInputs: ['x'],
    backward: (dy, [x], attributes) => ({ x: () => runFused(geluGradOp, { dy, x }, attributes)[0] }),
  },
};

const geluGradOp: FusedOp<Tensors<'dy' | 'x'>, [dx: tf.Tensor]> = {
  name: 'PeftGeluGrad',
  reference({ dy, x }, { approximate }) {
    if (approximate === 'tanh') {
      const t = tf.tanh(inner(x));
      const dInner = tf.mul(tf.add(tf.mul(tf.square(x), 3 * 0.044715), 1), Math.sqrt(2 / Math.PI));
      const slope = tf.mul(tf.mul(x, tf.sub(1, tf.square(t))), dInner);
      return [tf.mul(dy, tf.mul(tf.add(tf.add(t, 1), slope), 0.5))];
    }
    const cdf = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
    const pdf = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [tf.mul(dy, tf.add(cdf, tf.mul(x, pdf)))];
  },
};

/** Gaussian error linear unit, `x Phi(x)` (Hendrycks and Gimpel 2016, arXiv 1606.08415). Any shape. */
export function gelu(x: tf.Tensor, approximate: GeluApproximation = 'none'): tf.Tensor {
  return runFused(geluOp, { x }, { approximate })[0];
}
