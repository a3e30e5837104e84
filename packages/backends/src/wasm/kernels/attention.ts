import { dims } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { boxCopy, stepsOf } from '../box.ts';
import type { Heap } from '../heap.ts';
import { allOf, fastKernel, sizeOf } from '../kernel.ts';
import { cost, shareOut, shareSpans } from '../threads/share.ts';

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

type Shape = [batch: number, heads: number, rows: number, columns: number];

/** Which matrix of a `[B, H, ...]` tensor, broadcast along axes of length 1, belongs to a head of a sample. */
const matrixIndex = ([batch, heads]: Shape, sample: number, head: number): number =>
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
  const [batch, heads, n, d] = dims(q, 4);
  const [, , m, e] = dims(v, 4);
  const sameHeads = [k, v].every(({ shape }) => shape[0] === batch && shape[1] === heads);
  if (!allOf('float32', q, k, v, inputs.bias) || !sameHeads) return undefined;

  const bias = inputs.bias?.shape[3] === 1 ? spreadBias(heap, inputs.bias, m) : inputs.bias;
  const o = heap.make([batch, heads, n, e]);
  const p = heap.make([batch, heads, n, m]);
  const [fromQ, fromK, fromV, toO, toP] = heap.addresses(q, k, v, o, p);
  const fromBias = bias ? heap.address(bias) : 0;
  const biasShape = bias && dims(bias, 4);
  const biasRows = biasShape ? biasShape[2] : 0;
  const [rowD, rowE, rowM] = [4 * d, 4 * e, 4 * m];
  shareOut(heap.team, batch * heads, n * m * (d + e + cost.exp), ({ gemm, softmax }, i) => {
    const map = toP + 4 * n * m * i;
    const biasIndex = biasShape ? matrixIndex(biasShape, Math.floor(i / heads), i % heads) : 0;
    const added = bias ? fromBias + 4 * biasRows * m * biasIndex : 0;
    const stride = biasRows > 1 ? rowM : 0;
    gemm(n, m, d, fromQ + n * rowD * i, rowD, false, fromK + m * rowD * i, rowD, true, map, rowM, scale, added, stride);
    softmax(map, map, n, m);
    gemm(n, e, m, map, rowM, false, fromV + m * rowE * i, rowE, false, toO + n * rowE * i, rowE, 1, 0, 0);
  });
  if (bias && bias !== inputs.bias) heap.release(bias);
  return [o, p];
});

/** dP = dO V^T;  dS = P (dP - rowsum(P dP));  dQ = s dS K;  dK = s dS^T Q;  dV = P^T dO */
export const attentionGrad = fastKernel<GradInputs, { scale: number }>(
  'PeftAttentionGrad',
  (heap, inputs, { scale }) => {
    const { dy, q, k, v, p } = inputs;
    if (!allOf('float32', dy, q, k, v, p)) return undefined;
    const [batch, heads, n, d] = dims(q, 4);
    const [, , m, e] = dims(v, 4);

    const [dq, dk, dv, ds] = [heap.make(q.shape), heap.make(k.shape), heap.make(v.shape), heap.make(p.shape)];
    const [toQ, toK, toV, toS] = heap.addresses(dq, dk, dv, ds);
    const [fromDy, fromQ, fromK, fromV, fromP] = heap.addresses(dy, q, k, v, p);
    const [rowD, rowE, rowM] = [4 * d, 4 * e, 4 * m];
    shareOut(heap.team, batch * heads, n * m * (2 * d + 2 * e + cost.norm), ({ gemm, softmaxGrad }, i) => {
      const [q, k, v, o, s] = [i * n * rowD, i * m * rowD, i * m * rowE, i * n * rowE, i * n * rowM];
      gemm(n, m, e, fromDy + o, rowE, false, fromV + v, rowE, true, toS + s, rowM, 1, 0, 0);
      softmaxGrad(fromP + s, toS + s, toS + s, n, m);
      gemm(n, d, m, toS + s, rowM, false, fromK + k, rowD, false, toQ + q, rowD, scale, 0, 0);
      gemm(m, d, n, toS + s, rowM, true, fromQ + q, rowD, false, toK + k, rowD, scale, 0, 0);
      gemm(m, e, n, fromP + s, rowM, true, fromDy + o, rowE, false, toV + v, rowE, 1, 0, 0);
    });
    return [dq, dk, dv, ds];
  },
);

export const softmax = fastKernel<{ logits: TensorInfo }, { dim: number }>(tf.Softmax, (heap, { logits }, { dim }) => {
  const n = logits.shape.at(-1) ?? 1;
  if (!allOf('float32', logits) || dim !== logits.shape.length - 1) return undefined;
  const y = heap.make(logits.shape);
  const [from, to] = heap.addresses(logits, y);
  shareSpans(heap.team, sizeOf(logits.shape) / (n || 1), n * cost.exp, ({ softmax }, row, rows) => {
    softmax(from + 4 * n * row, to + 4 * n * row, rows, n);
  });
  return y;
});

export const softmaxCrossEntropy = fastKernel<{ logits: TensorInfo; target: TensorInfo }>(
  'PeftSoftmaxCrossEntropy',
  (heap, { logits, target }) => {
    const [rows, n] = dims(logits, 2);
    if (!allOf('float32', logits, target) || target.shape[0] !== rows || target.shape[1] !== n) return undefined;
    const loss = heap.make([rows]);
    const p = heap.make([rows, n]);
    const [from, to, toLoss, toP] = heap.addresses(logits, target, loss, p);
    heap.team.kernels.softmaxCrossEntropy(from, to, toLoss, toP, rows, n);
    return [loss, p];
  },
);
