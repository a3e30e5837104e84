import { deviation, markdownRows, mean } from '@peft/run';
import { grouped } from '../grouped.ts';
import { latexRows } from '../latex.ts';
import type { FewShotEntry } from './entry.ts';

/** One method with so many pictures of each class. */
export interface FewShotRow {
  readonly method: string;
  readonly shots: number;
  /** Trained parameters without the head: the most over the data sets. */
  readonly parameters: number;
  /** By data set: the mean accuracy over the seeds, in percent, and its sample standard deviation. */
  readonly cells: Readonly<
    Record<string, { readonly accuracy: number; readonly deviation: number; readonly runs: number }>
  >;
  /** The mean over the data sets. */
  readonly average: number;
}

const accuracyOf = ({ record }: FewShotEntry): number => 100 * record.result.metrics.accuracy;

function rowOf(entries: readonly FewShotEntry[]): FewShotRow {
  const [{ method, shots }] = entries as [FewShotEntry];
  const cells = [...grouped(entries, ({ dataset }) => dataset)].map(([dataset, runs]) => {
    const accuracies = runs.map(accuracyOf);
    const accuracy = mean(accuracies) ?? 0;
    return [dataset, { accuracy, deviation: deviation(accuracies), runs: runs.length }] as const;
  });
  return {
    method,
    shots,
    parameters: Math.max(...entries.map(({ record }) => record.result.adapterTrainable ?? 0)),
    cells: Object.fromEntries(cells),
    average: mean(cells.map(([, { accuracy }]) => accuracy)) ?? 0,
  };
}

/** Sums up runs as rows, by method in the order in which they appear, then by shots. */
export const summarizeFewShot = (entries: readonly FewShotEntry[]): FewShotRow[] =>
  [...grouped(entries, ({ method }) => method).values()].flatMap(own =>
    [...grouped(own, ({ shots }) => shots).values()].map(rowOf).sort((a, b) => a.shots - b.shots),
  );

/** The table as text: its head, and a row for each {@link FewShotRow}. */
export function fewShotTable(rows: readonly FewShotRow[]): { head: string[]; rows: string[][] } {
  const datasets = [...new Set(rows.flatMap(({ cells }) => Object.keys(cells)))];
  const cellText = (row: FewShotRow, dataset: string): string => {
    const cell = row.cells[dataset];
    if (!cell) return '-';
    const accuracy = cell.accuracy.toFixed(1);
    return cell.runs > 1 ? `${accuracy} ± ${cell.deviation.toFixed(1)}` : accuracy;
  };
  return {
    head: ['method', 'shots', 'parameters', ...datasets, 'mean of these'],
    rows: rows.map(row => [
      row.method,
      String(row.shots),
      row.parameters.toLocaleString('en-US'),
      ...datasets.map(dataset => cellText(row, dataset)),
      row.average.toFixed(1),
    ]),
  };
}

/** The table in Markdown. */
export function fewShotMarkdown(rows: readonly FewShotRow[]): string {
  const table = fewShotTable(rows);
  return markdownRows(table.head, table.rows);
}

/** The table in LaTeX, for the package `booktabs`. */
export function fewShotLatex(rows: readonly FewShotRow[]): string {
  const table = fewShotTable(rows);
  return latexRows(table.head, table.rows);
}
