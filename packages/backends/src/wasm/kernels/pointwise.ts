import { Add, type TensorInfo } from '@tensorflow/tfjs-core';
import { allOf, fastKernel, sizeOf } from '../kernel.ts';
import { cost, shareSpans } from '../threads/share.ts';

/** Elements of a vector, of which a span takes whole ones. */
const lanes = 4;

interface NormInputs {
  x: TensorInfo;
  gamma: TensorInfo;
  beta: TensorInfo;
}

interface NormGradInputs {
  dy: TensorInfo;
  x: TensorInfo;
  gamma: TensorInfo;
  mean: TensorInfo;
  inverseStd: TensorInfo;
}

interface GeluAttributes {
  approximate: 'none' | 'tanh';
}

export const layerNorm = fastKernel<NormInputs, { epsilon: number }>('PeftLayerNorm', (heap, inputs, { epsilon }) => {
  const { x, gamma, beta } = inputs;
  if (!allOf('float32', x, gamma, beta)) return undefined;
  const leading = x.shape.slice(0, -1);
  const n = x.shape.at(-1) ?? 1;
  const outputs: [TensorInfo, TensorInfo, TensorInfo] = [
    heap.make(x.shape),
    heap.make([...leading, 1]),
    heap.make([...leading, 1]),
  ];
  const [y, mean, inverseStd] = heap.addresses(...outputs);
  const [from, scale, shift] = heap.addresses(x, gamma, beta);
  shareSpans(heap.team, sizeOf(leading), n * cost.norm, ({ layerNorm }, row, rows) => {
    const [at, one] = [4 * n * row, 4 * row];
    layerNorm(from + at, scale, shift, epsilon, y + at, mean + one, inverseStd + one, rows, n);
  });
  return outputs;
});

export const layerNormGrad = fastKernel<NormGradInputs>('PeftLayerNormGrad', (heap, inputs) => {
  const { dy, x, gamma, mean, inverseStd } = inputs;
  if (!allOf('float32', dy, x, gamma, mean, inverseStd)) return undefined;
  const n = x.shape.at(-1) ?? 1;
  const dx = heap.make(x.shape);
  const [fromDy, from, scale, center, spread, to] = heap.addresses(dy, x, gamma, mean, inverseStd, dx);
  shareSpans(heap.team, sizeOf(mean.shape), n * cost.norm, ({ layerNormGrad }, row, rows) => {
    const [at, one] = [4 * n * row, 4 * row];
    layerNormGrad(fromDy + at, from + at, scale, center + one, spread + one, to + at, rows, n);
  });
  return dx;
});

export const gelu = fastKernel<{ x: TensorInfo }, GeluAttributes>('PeftGelu', (heap, { x }, { approximate }) => {
  if (!allOf('float32', x)) return undefined;
  const y = heap.make(x.shape);
  const [from, to] = heap.addresses(x, y);
  shareSpans(
    heap.team,
    sizeOf(x.shape),
    cost.exp,
    ({ gelu }, first, count) => gelu(from + 4 * first, to + 4 * first, count, approximate === 'tanh'),
    lanes,
  );
  return y;
});

export const geluGrad = fastKernel<{ dy: TensorInfo; x: TensorInfo }, GeluAttributes>(
  'PeftGeluGrad',
  (heap, { dy, x }, { approximate }) => {
    if (!allOf('float32', dy, x)) return undefined;
    const dx = heap.make(x.shape);
    const [fromDy, from, to] = heap.addresses(dy, x, dx);
    const tanh = approximate === 'tanh';
    shareSpans(
      heap.team,
      sizeOf(x.shape),
      cost.exp,
      ({ geluGrad }, first, count) => geluGrad(fromDy + 4 * first, from + 4 * first, to + 4 * first, count, tanh),
      lanes,
    );
    return dx;
  },
);

/** Sums of tensors of one shape: those of residuals, and of gradients. */
export const add = fastKernel<{ a: TensorInfo; b: TensorInfo }>(Add, (heap, { a, b }) => {
  if (!allOf('float32', a, b) || String(a.shape) !== String(b.shape)) return undefined;
  const y = heap.make(a.shape);
  const [left, right, to] = heap.addresses(a, b, y);
  shareSpans(
    heap.team,
    sizeOf(a.shape),
    cost.move,
    ({ add }, first, count) => add(left + 4 * first, right + 4 * first, to + 4 * first, count),
    lanes,
  );
  return y;
});
