import type { FastKernel } from '../kernel.ts';
import { attention, attentionGrad, softmax, softmaxCrossEntropy } from './attention.ts';
import { linear, linearInputGrad } from './linear.ts';
import { batchMatMul, fusedMatMul } from './matmul.ts';
import { cast, concat, identity, pack, pad, slice, split, transpose, unpack } from './move.ts';
import { add, gelu, geluGrad, layerNorm, layerNormGrad } from './pointwise.ts';
import { unsortedSegmentSum } from './segment.ts';

export const fastKernels: readonly FastKernel[] = [
  add,
  attention,
  attentionGrad,
  batchMatMul,
  cast,
  concat,
  fusedMatMul,
  gelu,
  geluGrad,
  identity,
  layerNorm,
  layerNormGrad,
  linear,
  linearInputGrad,
  pack,
  pad,
  slice,
  softmax,
  softmaxCrossEntropy,
  split,
  transpose,
  unpack,
  unsortedSegmentSum,
];
