import { deviation, mean } from '@peft/run';
import { type Averages, averagesOf, inOrder } from './averages.ts';
import { bestOf, lastOf, type VtabEntry } from './entry.ts';
import { grouped } from './grouped.ts';

/** The runs of one method on one task, in percent. */
export interface Cell {
  /** Seeds. */
  readonly runs: number;
  /** Mean accuracy after the last step, and its sample standard deviation over the seeds. */
  readonly last: number;
  readonly deviation: number;
  /** Mean of the best accuracy at any look at the test set. */
  readonly best: number;
}

/** One method on all of its tasks. */
export interface MethodRow {
  readonly method: string;
  /** Trained parameters without the head. */
  readonly parameters: number;
  readonly cells: Readonly<Record<string, Cell>>;
  readonly last: Averages;
  readonly best: Averages;
}

function cellOf(entries: readonly VtabEntry[]): Cell {
  const last = entries.map(entry => 100 * lastOf(entry));
  const best = entries.map(entry => 100 * bestOf(entry));
  return { runs: entries.length, last: mean(last) ?? 0, deviation: deviation(last), best: mean(best) ?? 0 };
}

function rowOf(method: string, entries: readonly VtabEntry[]): MethodRow {
  const byTask = grouped(entries, ({ task }) => task);
  const names = inOrder(byTask.keys());
  const cells = Object.fromEntries(names.map(name => [name, cellOf(byTask.get(name) ?? [])]));
  const accuracies = (of: 'last' | 'best') =>
    Object.fromEntries(Object.entries(cells).map(([name, cell]) => [name, cell[of]]));
  return {
    method,
    parameters: Math.max(0, ...entries.map(({ record }) => record.result.adapterTrainable ?? 0)),
    cells,
    last: averagesOf(accuracies('last')),
    best: averagesOf(accuracies('best')),
  };
}

/** Sums up runs of one protocol as rows, one for each method in the order in which they appear. */
export const summarize = (entries: readonly VtabEntry[]): MethodRow[] =>
  [...grouped(entries, ({ method }) => method)].map(([method, own]) => rowOf(method, own));
