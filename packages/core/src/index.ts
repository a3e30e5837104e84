export { AdaptedModel, type AddOptions, adapt } from './adapted/adapted-model.ts';
export { Adapter } from './adapted/adapter.ts';
export { type DeltaNorm, deltaNorms } from './adapted/delta-norms.ts';
export { gateGradients } from './adapted/gate-gradients.ts';
export { type AdapterPlan, planAdapter, planSettled } from './adapted/plan.ts';
export { countParameters, type ParameterReport } from './adapted/report.ts';
export { closest, closestOf } from './closest.ts';
export { eagerEngine } from './engine/eager.ts';
export type { CompiledStep, Engine, HostTensor, HostTensors, Step } from './engine/engine.ts';
export { check, type ErrorCode, PeftError } from './errors.ts';
export { type PeftAdapterFile, TensorReader } from './files/adapter-file.ts';
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
  parseSafetensors,
  type Safetensors,
  serializeSafetensors,
  type TensorSpan,
} from './files/safetensors.ts';
export { storedNumbers } from './files/stored-numbers.ts';
export type { StoredTensor } from './files/stored-tensor.ts';
export { readFields, targetFields } from './files/target-fields.ts';
export { readTable, type TensorTable, writeTable } from './files/tensor-table.ts';
export { checkFinite } from './finite.ts';
export {
  type AdaptFormerConfig,
  type AdaptFormerOptions,
  adaptformer,
  adaptformerOptions,
} from './method/adaptformer.ts';
export type { Aggregation, GateSpec, Scores } from './method/gate.ts';
export { type LowRankInit, lowRankDelta, lowRankDeltaWeight, lowRankParameters } from './method/low-rank.ts';
export type {
  DeltaCall,
  Mergeable,
  Method,
  MethodFactory,
  MethodFiles,
  ParameterSpec,
  ReadAdapter,
  RenamedTargets,
  Stage,
  StageResult,
  TargetValues,
  Tensors,
  WeightCall,
} from './method/method.ts';
export { isMethodRecord, type MethodRecord } from './method/record.ts';
export { isMadeBy, methodRecord, reviveMethod } from './method/revive.ts';
export { openTargets, renamedOptions, requiredTargets, savedModules, targetsOf } from './method/target-options.ts';
export {
  type Adaptable,
  isBlock,
  patternValue,
  resolveTargets,
  type Target,
  type TargetOptions,
  weightOf,
} from './method/targets.ts';
export { type TrainModulesOptions, trainModules } from './method/train-modules.ts';
export { type WrapperOptions, type Wrapping, wrapMethod, wrapperOptions } from './method/wrap.ts';
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
export {
  type FileLayout,
  fromFileOrder,
  type Kernel,
  linearLayout,
  patchLayout,
  permute,
  plainLayout,
  toFileOrder,
  weightLayout,
} from './module/layout.ts';
export { Module, type Patch, patch, type Variables } from './module/module.ts';
export type { ModuleNaming } from './module/naming.ts';
export { widenTensor } from './module/nonzero.ts';
export { isFrozen, Parameter, type ParameterOptions } from './module/parameter.ts';
export { type LoadOptions, loadState, saveState } from './module/state.ts';
export { bindPaths, children, disposeModule, getModule, initialize, modules, parameters } from './module/tree.ts';
export { escapeControls, quote, quoteSome } from './quote.ts';
export {
  type ConfigOf,
  type ConfigureOptions,
  configure,
  defaultsOf,
  type GivenOf,
  type Option,
  type Options,
  option,
  problemOf,
  required,
} from './schema/options.ts';
export * as value from './schema/value.ts';
export { attention } from './tensor/attention.ts';
export { checkpointed } from './tensor/checkpointed.ts';
export { softmaxCrossEntropy } from './tensor/cross-entropy.ts';
export { isDeferred, transposedReader } from './tensor/deferred.ts';
export { detached, isConstant } from './tensor/detach.ts';
export { dropout, dropPath } from './tensor/dropout.ts';
export { type GeluApproximation, gelu } from './tensor/gelu.ts';
export { registerGradients, type ValueAndGrads, valueAndGrads } from './tensor/gradients.ts';
export { type FusedOp, type Inputs, type OpAttributes, runFused } from './tensor/kernel.ts';
export { layerNorm } from './tensor/layer-norm.ts';
export { linear } from './tensor/linear.ts';
export {
  drawNormal,
  drawPermutation,
  drawUniform,
  fold,
  hostRandom,
  type Key,
  key,
  type RandomSource,
} from './tensor/random.ts';
export { currentRandom, currentScope, type Scope, withScope } from './tensor/scope.ts';
