import type { TensorInfo } from '@tensorflow/tfjs-core';
import { allOf, fastKernel, sizeOf } from '../kernel.ts';

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
  const n = x.shape[leading.length];
  const outputs = [heap.make(x.shape), heap.make([...leading, 1]), heap.make([...leading, 1])];
  const [y, mean, inverseStd] = outputs.map(heap.address);
  const [from, scale, shift] = [x, gamma, beta].map(heap.address);
  heap.kernels.layerNorm(from, scale, shift, epsilon, y, mean, inverseStd, sizeOf(leading), n);
  return outputs;
});

export const layerNormGrad = fastKernel<NormGradInputs>('PeftLayerNormGrad', (heap, inputs) => {
  const { dy, x, gamma, mean, inverseStd } = inputs;
  if (!allOf('float32', dy, x, gamma, mean, inverseStd)) return undefined;
  const n = x.shape[x.shape.length - 1];
  const dx = heap.make(x.shape);
  const [fromDy, from, scale, centre, spread, to] = [dy, x, gamma, mean, inverseStd, dx].map(heap.address);
  heap.kernels.layerNormGrad(fromDy, from, scale, centre, spread, to, sizeOf(mean.shape), n);
  return dx;
});

export const gelu = fastKernel<{ x: TensorInfo }, GeluAttributes>('PeftGelu', (heap, { x }, { approximate }) => {
  if (!allOf('float32', x)) return undefined;
  const y = heap.make(x.shape);
  heap.kernels.gelu(heap.address(x), heap.address(y), sizeOf(x.shape), approximate === 'tanh');
  return y;
});

export const geluGrad = fastKernel<{ dy: TensorInfo; x: TensorInfo }, GeluAttributes>(
  'PeftGeluGrad',
  (heap, { dy, x }, { approximate }) => {
    if (!allOf('float32', dy, x)) return undefined;
    const dx = heap.make(x.shape);
    const [fromDy, from, to] = [dy, x, dx].map(heap.address);
    heap.kernels.geluGrad(fromDy, from, to, sizeOf(x.shape), approximate === 'tanh');
    return dx;
  },
);
