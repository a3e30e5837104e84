export { hashOf, runId } from './canonical.ts';
export { defineSweep, type Metric, type Search, type Sweep, searchOptions, sweepOptions } from './definition.ts';
export type { Dimension, Range, Settings } from './dimensions.ts';
export { type Entries, type Failure, failuresOf, metricsOf, parseEntry, type SweepEntry } from './entry.ts';
export { type Plan, type PlannedRun, planOf } from './plan.ts';
export { markdownTable, rowsOf, scoreText, type TrialRow, tableOf } from './table.ts';
export { type Trial, trialsOf } from './trials.ts';
