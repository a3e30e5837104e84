export { AdamW, type AdamWOptions } from './adamw.ts';
export type { Batch, BatchSource } from './batch.ts';
export { batchInputs, evaluate } from './evaluate.ts';
export {
  type CachedFeatures,
  type CacheOptions,
  cacheFeatures,
  type ModelSplit,
  type OrderedSource,
} from './features.ts';
export { argMax, checkLogits, logSumExp, type Metrics, MetricsAccumulator } from './metrics.ts';
export { type Difference, describeDifference, differencesOf } from './recipe.ts';
export { constantRate, cosine, linearDecay, type Progress, type Schedule, timm0412, warmup } from './schedule.ts';
export { passStage, stageOf } from './stage.ts';
export { evaluationStep, type StepOptions, trainingStep } from './step.ts';
export { type TrainEvent, Trainer, type TrainerOptions } from './trainer.ts';
