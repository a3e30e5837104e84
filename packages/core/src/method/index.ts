export {
  type AdapterPlan,
  type PlanOptions,
  parameterOf,
  planAdapter,
  planSettled,
  type SavedParameter,
  type TargetParameters,
} from '../adapted/plan.ts';
export { type PeftAdapterFile, TensorReader } from '../files/adapter-file.ts';
export { readFields, targetFields } from '../files/target-fields.ts';
export { readTable, type TensorTable, writeTable } from '../files/tensor-table.ts';
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
} from '../module/layout.ts';
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
} from '../schema/options.ts';
export * as value from '../schema/value.ts';
export type { Tensors } from '../tensor/tensors.ts';
export { type AdaptFormerConfig, type AdaptFormerOptions, adaptformerOptions } from './adaptformer.ts';
export type { Aggregation, GateSpec, Scores } from './gate.ts';
export { type LowRank, type LowRankInit, lowRankDelta, lowRankDeltaWeight, lowRankParameters } from './low-rank.ts';
export type {
  DeltaCall,
  Mergeable,
  MethodFiles,
  ParameterSpec,
  ParameterSpecs,
  ReadAdapter,
  RenamedTargets,
  Stage,
  StageResult,
  TargetValues,
  WeightCall,
} from './method.ts';
export { isMethodRecord, type MethodRecord } from './record.ts';
export { isMadeBy, methodRecord, reviveMethod } from './revive.ts';
export { openTargets, renamedOptions, requiredTargets, savedModules, targetsOf } from './target-options.ts';
export {
  type Adaptable,
  isBlock,
  patternValue,
  type ResolveOptions,
  resolveTargets,
  type TargetKinds,
  weightOf,
} from './targets.ts';
export type { TrainModulesOptions } from './train-modules.ts';
export { type WrapperOptions, type Wrapping, wrapMethod, wrapperOptions } from './wrap.ts';
