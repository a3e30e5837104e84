import * as tf from '@tensorflow/tfjs-core';
import { check } from '../errors.ts';
import { type FusedOp, runFused } from './kernel.ts';
import type { Tensors } from './tensors.ts';

/** Undoes a broadcast: sums the axes that had length 1. */
const sumTo = (x: tf.Tensor, shape: number[]): tf.Tensor => {
  const axes = shape.flatMap((size, axis) => (size === 1 && x.shape[axis] !== 1 ? [axis] : []));
  return axes.length > 0 ? tf.sum(x, axes, true) : x;
};

/** How much each query attends to each key: `softmax(scale q k^T + bias)`, `[B, H, N, M]`; see {@link attention}. */
export function attentionMap(q: tf.Tensor, k: tf.Tensor, scale: number, bias?: tf.Tensor): tf.Tensor {
  const logits = tf.mul(tf.matMul(q, k, false, true), scale);
  return tf.softmax(bias ? tf.add(logits, bias) : logits);
}

/** Outputs `[o, p]`: the result and the attention map `softmax(scale q k^T + bias)`. */
const attentionOp: FusedOp<
  { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor; bias?: tf.Tensor },
  [o: tf.Tensor, p: tf.Tensor],
  [q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, o: tf.Tensor, p: tf.Tensor]
> = {
  name: 'PeftAttention',
  reference({ q, k, v, bias }, { scale }) {
    const p = attentionMap(q, k, scale as number, bias);
    return [tf.matMul(p, v), p];
  },
  gradient: {
    saveInputs: ['q', 'k', 'v'],
    saveOutputs: [true, true],
    // Computed together: TensorFlow.js runs a tidy for each gradient that is computed by itself.
    backward(dy, [q, k, v, o, p], attributes) {
      const { biasShape } = attributes;
      const grads: Record<string, tf.Tensor> = tf.tidy(() => {
        const [dq, dk, dv, ds] = runFused(attentionGradOp, { dy, q, k, v, o, p }, attributes);
        return { q: dq, k: dk, v: dv, ...(biasShape && { bias: sumTo(ds, biasShape as number[]) }) };
      });
      return Object.fromEntries(Object.entries(grads).map(([name, grad]) => [name, () => grad]));
    },
  },
};

/**
 * Outputs `[dq, dk, dv, ds]`. `ds` is the gradient of the logits, and so of a full-sized bias.
 * D = rowsum(dO O);  dS = P (dO V^T - D);  dQ = s dS K;  dK = s dS^T Q;  dV = P^T dO   (Dao et al. 2022, arXiv 2205.14135)
 */
const attentionGradOp: FusedOp<
  Tensors<'dy' | 'q' | 'k' | 'v' | 'o' | 'p'>,
  [dq: tf.Tensor, dk: tf.Tensor, dv: tf.Tensor, ds: tf.Tensor]
> = {
  name: 'PeftAttentionGrad',
  reference({ dy, q, k, v, o, p }, { scale }) {
    const d = tf.sum(tf.mul(dy, o), -1, true); // [B, H, N, 1]
    const ds = tf.mul(p, tf.sub(tf.matMul(dy, v, false, true), d)); // [B, H, N, N]
    const scaled = tf.mul(ds, scale as number);
    return [tf.matMul(scaled, k), tf.matMul(scaled, q, true), tf.matMul(p, dy, true), ds];
  },
};

/**
 * Scaled dot-product attention (Vaswani et al. 2017, arXiv 1706.03762, eq. 1).
 *
 * @param q `[B, H, N, d]`
 * @param k `[B, H, M, d]`
 * @param v `[B, H, M, e]`
 * @param scale multiplies the logits, usually `d ** -0.5`
 * @param bias rank 4, broadcast to `[B, H, N, M]` and added to the scaled logits
 * @returns `[B, H, N, e]`
 */
export function attention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, scale: number, bias?: tf.Tensor): tf.Tensor {
  const [batch, heads, n, d] = q.shape;
  const m = v.shape[2];
  const fits = (x: tf.Tensor, ...wanted: (number | undefined)[]) =>
    x.rank === 4 && x.shape.every((length, axis) => wanted[axis] === undefined || length === wanted[axis]);
  check(
    q.rank === 4 && fits(k, batch, heads, m, d) && fits(v, batch, heads),
    'bad-shape',
    () =>
      `attention: q [${q.shape}], k [${k.shape}] and v [${v.shape}] must be [B, H, N, d], [B, H, M, d] and [B, H, M, e].`,
  );
  check(
    !bias || (bias.rank === 4 && [batch, heads, n, m].every((length, axis) => [1, length].includes(bias.shape[axis]))),
    'bad-shape',
    () => `attention: bias [${bias?.shape}] cannot be broadcast to [${[batch, heads, n, m]}].`,
  );
  if (!bias) return runFused(attentionOp, { q, k, v }, { scale })[0];
  return runFused(attentionOp, { q, k, v, bias }, { scale, biasShape: bias.shape })[0];
}
