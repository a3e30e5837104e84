export { gateGradients } from '../adapted/gate-gradients.ts';
export { roundToHalf } from '../files/dtype.ts';
export { storedNumbers } from '../files/stored-numbers.ts';
export { isFrozen } from '../module/parameter.ts';
export {
  dequantizeMatrix,
  fitsBlocks,
  largest as largestInt8,
  type QuantizedMatrix,
  quantizeBlocks,
  quantizeMatrix,
  transposeBytes,
} from '../quantized/matrix.ts';
export { type QuantizedSource, type QuantizedWeight, quantizedWeight } from '../quantized/quantized.ts';
export { smallestMagnitude } from '../quantized/rounded-rows.ts';
export { storeInt4, storeInt8, widenQuantized } from '../quantized/stored.ts';
export { checkpointed } from '../tensor/checkpointed.ts';
export { isDeferred, retainDeferred, transposedReader } from '../tensor/deferred.ts';
export { detached, isConstant } from '../tensor/detach.ts';
export { registerGradients, type ValueAndGrads, valueAndGrads } from '../tensor/gradients.ts';
export { type FusedOp, type OpAttributes, type Outputs, runFused } from '../tensor/kernel.ts';
export { drawNormal, drawPermutation, drawUniform, hostRandom, type RandomSource } from '../tensor/random.ts';
export { currentRandom, currentScope, type Scope, withScope } from '../tensor/scope.ts';
export { requestGpuDevice } from './gpu-device.ts';
