import type { Sample } from './work.ts';

/** The middle value, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(half)] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Statistics of many runs, in milliseconds. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  /** Median processor time of all threads. */
  readonly cpu: number;
}

export const summarize = (samples: readonly Sample[]): Summary => ({
  median: median(samples.map(({ ms }) => ms)),
  min: Math.min(...samples.map(({ ms }) => ms)),
  cpu: median(samples.map(({ cpuMs }) => cpuMs)),
});
