// Kernels on the heap of TensorFlow.js' wasm backend. Addresses are in bytes; nothing is allocated here.
export { add } from './add';
export { softmaxCrossEntropy } from './cross-entropy';
export { dotOffset, multiplyDots, multiplyPairs } from './dot';
export { gelu, geluGrad } from './gelu';
export { gemm, multiplyTile } from './gemm';
export { layerNorm, layerNormGrad } from './layer-norm';
export { fill, moveRows, transpose } from './move';
export { packedBytes, packWeight, turnPacked } from './pack-weight';
export { multiplyRounded } from './rounded';
export { scratchBytes, setScratch } from './scratch';
export { segmentSum } from './segment';
export { softmax, softmaxGrad } from './softmax';
