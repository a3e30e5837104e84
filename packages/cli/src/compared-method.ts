import type { RunResult } from '@peft/run';

/** A method of `compare`, with a run for each seed. */
export interface ComparedMethod {
  method: string;
  runs: RunResult[];
  meanAccuracy: number;
  /** Sample standard deviation over the seeds; 0 for one seed. */
  deviation: number;
}

export function summarize(method: string, runs: RunResult[]): ComparedMethod {
  const accuracies = runs.map(({ metrics }) => metrics.accuracy);
  const meanAccuracy = accuracies.reduce((sum, accuracy) => sum + accuracy, 0) / accuracies.length;
  const squares = accuracies.reduce((sum, accuracy) => sum + (accuracy - meanAccuracy) ** 2, 0);
  return { method, runs, meanAccuracy, deviation: Math.sqrt(squares / Math.max(1, accuracies.length - 1)) };
}
