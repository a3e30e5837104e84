export { AdaptedModel, type AddOptions, adapt } from './adapted/adapted-model.ts';
export { Adapter, type AttachedTarget } from './adapted/adapter.ts';
export { type DeltaNorm, deltaNorms } from './adapted/delta-norms.ts';
export { countParameters, type ParameterReport } from './adapted/report.ts';
export { closest, closestOf } from './closest.ts';
export type { Batch, BatchLabels, BatchSource, ModelInput, PictureBatch } from './engine/batch.ts';
export { eagerEngine } from './engine/eager.ts';
export type { CompiledStep, Engine, HostTensor, HostTensors, OnHost, Step } from './engine/engine.ts';
export { check, type ErrorCode, PeftError } from './errors.ts';
export {
  type AdapterFolder,
  attachAdapterFolder,
  type FolderFiles,
  type ModelCard,
  readAdapterFolder,
  writeAdapterFolder,
} from './files/adapter-folder.ts';
export { bytesPerElement, fromFloat32, fromInt32, type StoredDtype, toFloat32, toInt32 } from './files/dtype.ts';
export { sha256Of } from './files/hashes.ts';
export type { Json, JsonObject } from './files/json.ts';
export {
  headerLength,
  parseHeader,
  parseSafetensors,
  type Safetensors,
  type SafetensorsHeader,
  serializeSafetensors,
  type TensorSpan,
} from './files/safetensors.ts';
export type { StoredTensor } from './files/stored-tensor.ts';
export { checkFinite, nonFinite } from './finite.ts';
export { adaptformer } from './method/adaptformer.ts';
export type { Method, MethodFactory } from './method/method.ts';
export type { Target, TargetOptions } from './method/targets.ts';
export { trainModules } from './method/train-modules.ts';
export {
  constant,
  type Initializer,
  linearDefault,
  normal,
  ones,
  truncatedNormal,
  uniform,
  zeros,
} from './module/init.ts';
export { DropPath, Identity, LayerNorm, Linear, type LinearOptions, type Role, type Slice } from './module/layers.ts';
export { Module, type Patch, patch, type Variables } from './module/module.ts';
export type { ModuleNaming, NamedModule } from './module/naming.ts';
export { widenTensor } from './module/nonzero.ts';
export { Parameter, type ParameterOptions } from './module/parameter.ts';
export { type LoadOptions, loadState, saveState } from './module/state.ts';
export { bindPaths, children, disposeModule, getModule, initialize, modules, parameters } from './module/tree.ts';
export { type Interpolation, imagenet, type Preprocessing } from './preprocessing.ts';
export {
  isQuantizedDtype,
  type QuantizedDtype,
  type QuantizeOptions,
  quantizeWeights,
} from './quantized/quantize-weights.ts';
export { escapeControls, quote, quoteSome } from './quote.ts';
export { attention, attentionMap } from './tensor/attention.ts';
export { softmaxCrossEntropy } from './tensor/cross-entropy.ts';
export { dims } from './tensor/dims.ts';
export { dropout, dropPath } from './tensor/dropout.ts';
export { type GeluApproximation, gelu } from './tensor/gelu.ts';
export { layerNorm } from './tensor/layer-norm.ts';
export { linear } from './tensor/linear.ts';
export { fold, type Key, key } from './tensor/random.ts';
export type { Tensors } from './tensor/tensors.ts';
