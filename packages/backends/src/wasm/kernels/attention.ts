import * as tf from '@tensorflow/tfjs-core';
import { boxCopy, stepsOf } from '../box.ts';
import type { Heap } from '../heap.ts';
import { allOf, fastKernel, sizeOf } from '../kernel.ts';

type TensorInfo = tf.TensorInfo;

interface Inputs {
  q: TensorInfo;
  k: TensorInfo;
  v: TensorInfo;
  bias?: TensorInfo;
}

interface GradInputs {
  dy: TensorInfo;
  q: TensorInfo;
  k: TensorInfo;
  v: TensorInfo;
  p: TensorInfo;
}

/** Which matrix of a `[B, H, ...]` tensor, broadcast along axes of length 1, belongs to a head of a sample. */
const matrixIndex = ([batch, heads]: number[], sample: number, head: number): number =>
  (batch === 1 ? 0 : sample) * heads + (heads === 1 ? 0 : head);

/** A bias `[b, h, r, 1]` written out for `m` keys: `[b, h, r, m]`. */
function spreadBias(heap: Heap, bias: TensorInfo, m: number): TensorInfo {
  const spread = heap.make([...bias.shape.slice(0, 3), m]);
  const box = { size: spread.shape, fromSteps: stepsOf(bias.shape).with(3, 0), toSteps: stepsOf(spread.shape) };
  boxCopy(heap, box)?.(heap.address(bias), heap.address(spread));
  return spread;
}

/** The maps are written where `p` will be, made into a softmax in place, and multiplied with v. */
export const attention = fastKernel<Inputs, { scale: number }>('PeftAttention', (heap, inputs, { scale }) => {
  const { q, k, v } = inputs;
  const [batch, heads, n, d] = q.shape;
  const [m, e] = v.shape.slice(2);
  const sameHeads = [k, v].every(({ shape }) => shape[0] === batch && shape[1] === heads);
  if (!allOf('float32', q, k, v, inputs.bias) || !sameHeads) return undefined;

  const bias = inputs.bias?.shape[3] === 1 ? spreadBias(heap, inputs.bias, m) : inputs.bias;
  const o = heap.make([batch, heads, n, e]);
  const p = heap.make([batch, heads, n, m]);
  const [fromQ, fromK, fromV, toO, toP] = [q, k, v, o, p].map(heap.address);
  const fromBias = bias ? heap.address(bias) : 0;
  const biasRows = bias ? bias.shape[2] : 0;
  const { gemm, softmax } = heap.kernels;
  for (let i = 0; i < batch * heads; i++) {
    const map = toP + 4 * n * m * i;
    const biasIndex = bias ? matrixIndex(bias.shape, Math.floor(i / heads), i % heads) : 0;
    const added = bias ? fromBias + 4 * biasRows * m * biasIndex : 0;
    const stride = biasRows > 1 ? 4 * m : 0;
    gemm(n, m, d, fromQ + 4 * n * d * i, false, fromK + 4 * m * d * i, true, map, scale, added, stride);
    softmax(map, map, n, m);
    gemm(n, e, m, map, false, fromV + 4 * m * e * i, false, toO + 4 * n * e * i, 1, 0, 0);
  }
  if (bias && bias !== inputs.bias) heap.release(bias);
  return [o, p];
});

/** dP = dO V^T;  dS = P (dP - rowsum(P dP));  dQ = s dS K;  dK = s dS^T Q;  dV = P^T dO */
export const attentionGrad = fastKernel<GradInputs, { scale: number }>(
  'PeftAttentionGrad',
  (heap, inputs, { scale }) => {
    const { dy, q, k, v, p } = inputs;
    if (!allOf('float32', dy, q, k, v, p)) return undefined;
    const [batch, heads, n, d] = q.shape;
    const [m, e] = v.shape.slice(2);

    const outputs = [q, k, v, p].map(({ shape }) => heap.make(shape));
    const [toQ, toK, toV, toS] = outputs.map(heap.address);
    const [fromDy, fromQ, fromK, fromV, fromP] = [dy, q, k, v, p].map(heap.address);
    const { gemm, softmaxGrad } = heap.kernels;
    for (let i = 0; i < batch * heads; i++) {
      const [atQ, atK, atV, atO, atS] = [n * d, m * d, m * e, n * e, n * m].map(size => 4 * size * i);
      gemm(n, m, e, fromDy + atO, false, fromV + atV, true, toS + atS, 1, 0, 0);
      softmaxGrad(fromP + atS, toS + atS, toS + atS, n, m);
      gemm(n, d, m, toS + atS, false, fromK + atK, false, toQ + atQ, scale, 0, 0);
      gemm(m, d, n, toS + atS, true, fromQ + atQ, false, toK + atK, scale, 0, 0);
      gemm(m, e, n, fromP + atS, true, fromDy + atO, false, toV + atV, 1, 0, 0);
    }
    return outputs;
  },
);

export const softmax = fastKernel<{ logits: TensorInfo }, { dim: number }>(tf.Softmax, (heap, { logits }, { dim }) => {
  const n = logits.shape[logits.shape.length - 1];
  if (!allOf('float32', logits) || dim !== logits.shape.length - 1) return undefined;
  const y = heap.make(logits.shape);
  heap.kernels.softmax(heap.address(logits), heap.address(y), sizeOf(logits.shape) / (n || 1), n);
  return y;
});

export const softmaxCrossEntropy = fastKernel<{ logits: TensorInfo; target: TensorInfo }>(
  'PeftSoftmaxCrossEntropy',
  (heap, { logits, target }) => {
    const [rows, n] = logits.shape;
    if (!allOf('float32', logits, target) || target.shape[0] !== rows || target.shape[1] !== n) return undefined;
    const loss = heap.make([rows]);
    const p = heap.make([rows, n]);
    const [from, to, toLoss, toP] = [logits, target, loss, p].map(heap.address);
    heap.kernels.softmaxCrossEntropy(from, to, toLoss, toP, rows, n);
    return [loss, p];
  },
);
