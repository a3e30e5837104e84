import { deviation, markdownRows, mean } from '@peft/run';
import type { Metric, Sweep } from './definition.ts';
import type { Settings } from './dimensions.ts';
import { type Entries, metricsOf, type SweepEntry } from './entry.ts';
import { bestFirst } from './plan.ts';

/** A trial over its seeds, at the furthest rung that it came to. */
export interface TrialRow {
  readonly trial: number;
  readonly settings: Settings;
  /** Counted from 0; 0 where there are no rungs. */
  readonly rung: number;
  /** Steps of that rung; of a run to its end, of all of it. */
  readonly steps: number | undefined;
  /** Runs with a result, and runs that failed. */
  readonly runs: number;
  readonly failed: number;
  /** The metric over the seeds, and its sample standard deviation; undefined if no run has a result. */
  readonly mean: number | undefined;
  readonly deviation: number | undefined;
  /** Trained parameters without the head; undefined before a run came to its end. */
  readonly parameters: number | undefined;
}

function rowOf(entries: readonly SweepEntry[], { metric }: Sweep): TrialRow {
  const rung = Math.max(...entries.map(entry => entry.rung ?? 0));
  const furthest = entries.filter(entry => (entry.rung ?? 0) === rung).sort((a, b) => a.seed - b.seed);
  const values = furthest.flatMap(entry => metricsOf(entry)?.[metric] ?? []);
  const [{ trial, settings }] = furthest as [SweepEntry];
  const records = furthest.flatMap(({ record }) => record ?? []);
  const [steps] = furthest.flatMap(({ record, paused }) => record?.result.losses.length ?? paused?.step ?? []);
  return {
    trial,
    settings,
    rung,
    steps,
    runs: values.length,
    failed: furthest.length - values.length,
    mean: mean(values),
    deviation: values.length > 0 ? deviation(values) : undefined,
    parameters: records[0]?.result.adapterTrainable,
  };
}

/**
 * The trials with results: those that came furthest first, then those with a result for every seed, then the best. A trial is not
 * ranked by the seeds that it survived. The rows do not depend on the order of results.
 */
export function rowsOf(entries: Entries, sweep: Sweep): TrialRow[] {
  const byTrial = new Map<number, SweepEntry[]>();
  for (const entry of entries.values()) byTrial.set(entry.trial, [...(byTrial.get(entry.trial) ?? []), entry]);
  const rows = [...byTrial.entries()].sort(([a], [b]) => a - b).map(([, own]) => rowOf(own, sweep));
  const isWhole = ({ runs }: TrialRow): boolean => runs === sweep.seeds.length;
  return bestFirst(rows, sweep.metric, row => row.mean).sort(
    (a, b) => b.rung - a.rung || Number(isWhole(b)) - Number(isWhole(a)),
  );
}

/** A metric as text: accuracies in percent. */
export const scoreText = (metric: Metric, value: number): string =>
  metric === 'loss' ? value.toFixed(4) : (100 * value).toFixed(1);

/** The names of the fields that vary, in the order of the file. */
const fieldsOf = ({ spaces }: Sweep): string[] => [...new Set(spaces.flat().map(({ name }) => name))];

function text(value: unknown): string {
  if (value === undefined) return '-';
  if (Array.isArray(value)) return value.map(text).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The rows as texts, for any form. Accuracies are in percent. */
export function tableOf(rows: readonly TrialRow[], sweep: Sweep): { head: string[]; rows: string[][] } {
  const { metric, search, seeds } = sweep;
  const fields = fieldsOf(sweep);
  const isStaged = search.kind === 'asha';
  return {
    head: ['trial', metric, 'deviation', ...fields, ...(isStaged ? ['steps'] : []), 'runs', 'parameters'],
    rows: rows.map(row => [
      String(row.trial),
      row.mean === undefined ? '-' : scoreText(metric, row.mean),
      row.runs > 1 && row.deviation !== undefined ? scoreText(metric, row.deviation) : '-',
      ...fields.map(name => text(row.settings[name])),
      ...(isStaged ? [text(row.steps)] : []),
      `${row.runs} of ${seeds.length}${row.failed > 0 ? `, ${row.failed} failed` : ''}`,
      row.parameters === undefined ? '-' : row.parameters.toLocaleString('en-US'),
    ]),
  };
}

/** The table in Markdown. */
export function markdownTable(rows: readonly TrialRow[], sweep: Sweep): string {
  const table = tableOf(rows, sweep);
  return markdownRows(
    table.head,
    table.rows.map(cells => cells.map(cell => cell.replaceAll('|', '\\|'))),
  );
}
