export { isHeadFor, matchClasses } from './classes.ts';
export type {
  BestEvent,
  CachingEvent,
  InterruptedEvent,
  PausedEvent,
  ResumedEvent,
  RunEvent,
  StartedEvent,
  StepEvent,
  WatchedEvent,
} from './events.ts';
export type { Bars, Grid, GridRow, Insight } from './insight.ts';
export type { Inspect, Inspected } from './inspect.ts';
export { markdownRows } from './markdown.ts';
export { type MeasureOptions, measure } from './measure.ts';
export { describeOptions, type MethodOption, methodOptions } from './method-options.ts';
export {
  factories,
  type MethodChoice,
  type MethodEntry,
  makeMethod,
  methodEntry,
  methodRegistry,
} from './methods.ts';
export { bareModel, cardOf, headClasses, modelWithAdapter, type RunBackbone, type RunModel } from './model.ts';
export { type EnginesOptions, runOnEngines } from './on-engines.ts';
export { optionSchema } from './option-schema.ts';
export type { RunInputs, RunOptions } from './options.ts';
export { type Recipe, type RecipeOptions, recipeOptions, resolveRecipe } from './recipe.ts';
export {
  type EpochRecord,
  parseObject,
  parseRecord,
  parseResult,
  type RunIdentity,
  type RunRecord,
  type RunResult,
  recordOf,
} from './record.ts';
export { run } from './run.ts';
export { deviation, mean, median } from './statistics.ts';
export { type MemoryStore, memoryStore, type RunStore, type StoredCheckpoint } from './store.ts';
export type { Watch } from './watch.ts';
