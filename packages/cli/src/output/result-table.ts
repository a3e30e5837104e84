import { bestFirst, type ComparedMethod } from '../compared-method.ts';
import { bytes, count, ms, percent, table } from './table.ts';

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The results as a table, one row for each method, the best first. */
export const resultTable = (methods: readonly ComparedMethod[]): string =>
  table(
    ['method', 'accuracy', 'trainable', 'adapter', 'seconds', 'ms/step'],
    bestFirst(methods).map(({ method, runs, meanAccuracy, deviation }) => [
      method,
      percent(meanAccuracy) + (runs.length > 1 ? ` ± ${(100 * deviation).toFixed(1)}` : ''),
      count(runs[0].trainable),
      bytes(runs[0].bytes),
      mean(runs.map(({ seconds }) => seconds)).toFixed(1),
      ms(mean(runs.flatMap(({ stepMs }) => stepMs ?? []))),
    ]),
  );

/** The results as data, with the course of each run. */
export const resultRows = (methods: readonly ComparedMethod[]): object[] =>
  methods.map(({ runs, ...row }) => ({
    ...row,
    trainable: runs[0].trainable,
    bytes: runs[0].bytes,
    runs: runs.map(({ metrics, losses, epochs, seconds, stepMs }) => ({
      accuracy: metrics.accuracy,
      losses,
      epochs,
      seconds,
      stepMs,
    })),
  }));
