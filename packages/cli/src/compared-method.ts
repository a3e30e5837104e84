import { deviation, mean, type RunResult } from '@peft/run';

/** The runs of a method: one at least. */
export type Runs = readonly [RunResult, ...RunResult[]];

/** A method of `compare`, with a run for each seed. */
export interface ComparedMethod {
  method: string;
  runs: Runs;
  meanAccuracy: number;
  /** Sample standard deviation over the seeds; 0 for one seed. */
  deviation: number;
}

export function summarize(method: string, runs: Runs): ComparedMethod {
  const accuracies = runs.map(({ metrics }) => metrics.accuracy);
  return { method, runs, meanAccuracy: mean(accuracies) ?? 0, deviation: deviation(accuracies) };
}

/** The methods by their mean accuracy. */
export const bestFirst = (methods: readonly ComparedMethod[]): ComparedMethod[] =>
  methods.toSorted((a, b) => b.meanAccuracy - a.meanAccuracy);
