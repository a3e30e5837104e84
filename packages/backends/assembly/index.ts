// Kernels on the heap of TensorFlow.js' wasm backend. Addresses are in bytes; nothing is allocated here.
export { softmaxCrossEntropy } from './cross-entropy';
export { gelu, geluGrad } from './gelu';
export { gemm, multiplyTile, scratchBytes, setScratch } from './gemm';
export { layerNorm, layerNormGrad } from './layer-norm';
export { fill, moveRows, transpose } from './move';
export { segmentSum } from './segment';
export { softmax, softmaxGrad } from './softmax';
