import { escapeHtml } from '@peft/report';
import { type Curve, type Dot, htmlTable, page, renderCurves, renderDots } from '@peft/report/node';
import { failuresOf, type Sweep, type SweepEntry, scoreText, type TrialRow, tableOf } from '@peft/sweep';
import type { SweepProgress, SweepResult } from '@peft/sweep/node';
import { confusionPanel, lossCurve } from './result-drawings.ts';
import { count } from './table.ts';

/** A sweep as far as it is, or at its end. */
type State = Pick<SweepResult, 'rows' | 'entries'> & Partial<SweepProgress>;

/** Trials whose dots have their number: more would hide each other. */
const namedTrials = 8;
/** Trials whose losses are drawn. */
const drawnTrials = 3;

/** The metric as it is drawn: accuracies in percent. */
const scaled = ({ metric }: Sweep, value: number): number => (metric === 'loss' ? value : 100 * value);

const axisOf = ({ metric }: Sweep): string => (metric === 'loss' ? 'loss (nats)' : `${metric} (%)`);

/** The method of a trial: its own, or that of all. */
const methodOf = ({ settings }: TrialRow, { recipe }: Sweep): string =>
  String(settings.method ?? recipe.method ?? 'lora');

function dotsOf(rows: readonly TrialRow[], sweep: Sweep, xOf: (row: TrialRow) => unknown): Dot[] {
  return rows.flatMap((row, place) => {
    const x = xOf(row);
    if (typeof x !== 'number' || row.mean === undefined) return [];
    const [y, deviation] = [scaled(sweep, row.mean), scaled(sweep, row.deviation ?? 0)];
    return [{ name: methodOf(row, sweep), label: place < namedTrials ? String(row.trial) : '', x, y, deviation }];
  });
}

/** The metric against each number that varies. */
function fieldCharts(rows: readonly TrialRow[], sweep: Sweep): string[] {
  const names = new Set(sweep.spaces.flat().map(({ name }) => name));
  return [...names].flatMap(name => {
    const dots = dotsOf(rows, sweep, ({ settings }) => settings[name]);
    const values = dots.map(({ x }) => x);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    if (!(least < most)) return [];
    const logX = least > 0 && most / least >= 8;
    return [renderDots(dots, { title: `${name}, by trial`, x: name, y: axisOf(sweep), logX })];
  });
}

function parameterCharts(rows: readonly TrialRow[], sweep: Sweep): string[] {
  const dots = dotsOf(rows, sweep, ({ parameters }) => parameters);
  if (new Set(dots.map(({ x }) => x)).size < 2) return [];
  const x = 'trained parameters without the head';
  return [renderDots(dots, { title: 'Trained parameters, by trial', x, y: axisOf(sweep), logX: true })];
}

/** The records of the best trials, of the first seed that has one. */
function bestRuns(rows: readonly TrialRow[], entries: State['entries']): SweepEntry[] {
  const whole = [...entries.values()].filter(({ record }) => record);
  return rows.slice(0, drawnTrials).flatMap(({ trial }) => whole.find(entry => entry.trial === trial) ?? []);
}

const lossCurves = (runs: readonly SweepEntry[]): Curve[] =>
  runs.flatMap(({ trial, record }) =>
    record ? lossCurve(`${record.result.method} trial ${trial}`, record.result) : [],
  );

function confusionOf([best]: readonly SweepEntry[]): string {
  const { record, trial, seed } = best ?? {};
  const matrix = record ? confusionPanel(`Trial ${trial}, seed ${seed}`, record.result, record.classes ?? []) : '';
  if (matrix === '') return '';
  return `<h2>Confusion of the best</h2>
<p>Rows are the true classes, columns the predicted ones.</p>
<div class="panels">${matrix}</div>`;
}

const list = (title: string, items: readonly string[]): string =>
  items.length === 0 ? '' : `<h2>${title}</h2><ul>${items.map(item => `<li>${escapeHtml(item)}</li>`).join('')}</ul>`;

/** How far a run is: a word of its progress. */
const stepOf = ({ step, totalSteps }: Readonly<Record<string, unknown>> = {}): string =>
  typeof step === 'number' ? `, step ${step} of ${totalSteps}` : '';

const states = { run: 'running', pause: 'paused', cancel: 'cancelled' } as const;

/** What goes on, of a sweep that is not over. */
function progressOf({ finished, total, running = [], waiting = 0, putBack = [], wish = 'run' }: State): string {
  if (finished === undefined || total === undefined) return '';
  return `<p><progress max="${total}" value="${finished}"></progress></p>
<p>${count(finished)} of ${count(total)} runs, ${states[wish]}: ${running.length} under way, ${count(waiting)} waiting.</p>
${list(
  'Under way',
  running.map(({ trial, seed, progress }) => `trial ${trial}, seed ${seed}${stepOf(progress)}`),
)}
${list('Put back by workers', putBack)}`;
}

const failures = (entries: State['entries']): string =>
  list(
    'Failed',
    failuresOf(entries).map(({ trial, seed, failure }) => `trial ${trial}, seed ${seed}: ${failure?.message}`),
  );

function summaryOf([best]: readonly TrialRow[], { metric, seeds, recipe }: Sweep): string {
  if (best?.mean === undefined) return 'No trial has a result yet.';
  const deviation = best.runs > 1 && best.deviation !== undefined ? ` ± ${scoreText(metric, best.deviation)}` : '';
  return `Trial ${best.trial} is best: ${metric} ${scoreText(metric, best.mean)}${deviation} on ${recipe.evalSplit}, over ${best.runs} of ${seeds.length} seeds. The best of many looks better than it is, on the pictures that chose it.`;
}

/** Renders a sweep, over or not, as a page that needs no other file. `more` is HTML that goes before the drawings. */
export function renderSweep(state: State, sweep: Sweep, more = ''): string {
  const { rows, entries } = state;
  const { head, rows: lines } = tableOf(rows, sweep);
  const runs = bestRuns(rows, entries);
  const losses = { title: 'Training loss of the best, smoothed', x: 'step', y: 'cross entropy (nats)' };
  const charts = [
    ...fieldCharts(rows, sweep),
    ...parameterCharts(rows, sweep),
    ...(runs.length > 0 ? [renderCurves(lossCurves(runs), losses)] : []),
  ];
  return page(
    `Sweep of ${sweep.recipe.backbone} on ${sweep.recipe.data}`,
    `<p>${escapeHtml(summaryOf(rows, sweep))}</p>
${progressOf(state)}
${more}
<h2>Trials</h2>
${htmlTable(head, lines)}
<div class="panels">${charts.join('\n')}</div>
${confusionOf(runs)}
${failures(entries)}`,
  );
}
