import { markdownRows } from '@peft/run';
import { type Accuracies, type Averages, averagesOf, inOrder } from './averages.ts';
import { latexRows } from './latex.ts';
import type { Protocol } from './protocol.ts';
import type { PublishedRow } from './published.ts';
import type { MethodRow } from './summary.ts';
import { groups } from './tasks.ts';

/** A table of results: rows that were measured, and published ones beside them. */
export interface Report {
  readonly protocol: Protocol;
  readonly rows: readonly MethodRow[];
  readonly published: readonly PublishedRow[];
}

/** A line of a table, as text. */
export interface Line {
  readonly name: string;
  readonly parameters: string;
  /** By task. */
  readonly tasks: readonly string[];
  /** Group means, group average, flat mean, and the mean of the tasks that are there. */
  readonly averages: readonly string[];
}

export interface Table {
  /** The names of the columns of {@link Line.tasks} and {@link Line.averages}. */
  readonly tasks: readonly string[];
  readonly averages: readonly string[];
  readonly lines: readonly Line[];
}

const shown = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(1));

const taskNames = ({ rows }: Report): string[] => inOrder(rows.flatMap(({ cells }) => Object.keys(cells)));

const averageNames = [...groups, 'group average', 'flat mean', 'mean of these'];

const averageCells = ({ groups: byGroup, groupAverage, flatMean, measured }: Averages): string[] =>
  [...groups.map(group => byGroup[group]), groupAverage, flatMean, measured].map(shown);

/** The accuracies of a published row on the tasks of a table. */
const among = (accuracies: Accuracies, names: readonly string[]): Accuracies =>
  Object.fromEntries(Object.entries(accuracies).filter(([name]) => names.includes(name)));

function linesOf(report: Report): Line[] {
  const names = taskNames(report);
  const measured = report.rows.flatMap(({ method, parameters, cells, last, best }): Line[] => {
    const spread = (name: string): string => {
      const cell = cells[name];
      if (!cell) return '-';
      return cell.runs > 1 ? `${shown(cell.last)} ± ${shown(cell.deviation)}` : shown(cell.last);
    };
    const count = parameters.toLocaleString('en-US');
    const bests = names.map(name => shown(cells[name]?.best));
    return [
      { name: `${method}, last`, parameters: count, tasks: names.map(spread), averages: averageCells(last) },
      { name: `${method}, best look`, parameters: count, tasks: bests, averages: averageCells(best) },
    ];
  });
  const quoted = report.published.map(({ method, parameters, accuracies }): Line => {
    const { measured: ofThese } = averagesOf(among(accuracies, names));
    return {
      name: `${method} (published)`,
      parameters,
      tasks: names.map(name => shown(accuracies[name])),
      averages: averageCells({ ...averagesOf(accuracies), measured: ofThese }),
    };
  });
  return [...measured, ...quoted];
}

/** The table as text, for any form. */
export const tableOf = (report: Report): Table => ({
  tasks: taskNames(report),
  averages: averageNames,
  lines: linesOf(report),
});

/** Head and rows in the order of the papers' tables: averages come last. */
function rowsOf(report: Report): { head: string[]; rows: string[][] } {
  const { tasks, averages, lines } = tableOf(report);
  return {
    head: ['method', 'parameters', ...tasks, ...averages],
    rows: lines.map(line => [line.name, line.parameters, ...line.tasks, ...line.averages]),
  };
}

/** The table in Markdown. */
export function markdownTable(report: Report): string {
  const { head, rows } = rowsOf(report);
  return markdownRows(head, rows);
}

/** The table in LaTeX, for the package `booktabs`. */
export function latexTable(report: Report): string {
  const { head, rows } = rowsOf(report);
  const measured = rows.length - report.published.length;
  return latexRows(head, rows.slice(0, measured), rows.slice(measured));
}
