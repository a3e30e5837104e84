import { escapeHtml, renderInsight } from '@peft/report';
import { type Dot, htmlTable, page, panel, renderCurves, renderDots } from '@peft/report/node';
import type { RunResult } from '@peft/run';
import { bestFirst, type ComparedMethod } from '../compared-method.ts';
import { embedData, type Report } from './report-data.ts';
import { confusionPanel, lossCurve } from './result-drawings.ts';
import { bytes, count, ms, percent } from './table.ts';

const accuracyDots = (methods: readonly ComparedMethod[]): Dot[] =>
  methods.map(({ method, runs: [{ trainable }], meanAccuracy, deviation }) => ({
    name: method,
    x: trainable,
    y: 100 * meanAccuracy,
    deviation: 100 * deviation,
  }));

/** The time of a step, and where it begins if not with the picture. */
const stepTime = ({ stepMs, cachedFrom }: RunResult): string =>
  cachedFrom === undefined ? ms(stepMs) : `${ms(stepMs)} (from cached features of ${cachedFrom})`;

function resultRows(methods: readonly ComparedMethod[]): string {
  const body = methods.map(({ method, runs, meanAccuracy, deviation }) => [
    method,
    percent(meanAccuracy) + (runs.length > 1 ? ` ± ${(100 * deviation).toFixed(1)}` : ''),
    percent(runs.reduce((sum, { metrics }) => sum + metrics.meanPerClass, 0) / runs.length),
    count(runs[0].trainable),
    bytes(runs[0].bytes),
    runs[0].seconds.toFixed(1),
    stepTime(runs[0]),
  ]);
  return htmlTable(['method', 'accuracy', 'mean per class', 'trainable', 'adapter', 'seconds', 'ms per step'], body);
}

/** The drawings of a method's first run. */
function inside({ method, runs }: ComparedMethod): string {
  const { insights } = runs[0];
  if (insights.length === 0) return '';
  const drawings = insights.map(insight => panel(insight.title, renderInsight(insight)));
  return `<h2>Inside ${escapeHtml(method)}</h2><div class="panels">${drawings.join('\n')}</div>`;
}

/** Renders a self-contained HTML file: results, curves, accuracy against parameters, drawings of each method, confusion. */
export function renderReport({ title, classes, methods }: Report): string {
  const ordered = bestFirst(methods);
  const seeds = Math.max(...methods.map(({ runs }) => runs.length));
  const spread = seeds > 1 ? `Means of ${seeds} seeds with their sample standard deviation. ` : '';
  return page(
    title,
    `<p>${spread}Accuracy on the pictures that were held out, best first.</p>
${resultRows(ordered)}
<div class="panels">
${renderCurves(
  methods.map(({ method, runs: [first] }) => lossCurve(method, first)),
  { title: 'Training loss of the first seed, smoothed', x: 'step', y: 'cross entropy (nats)' },
)}
${renderDots(accuracyDots(methods), { title: 'Accuracy against trained parameters', x: 'trained parameters, the head included', y: 'accuracy (%)', logX: true })}
</div>
${ordered.map(inside).join('\n')}
<h2>Confusion</h2>
<p>Rows are the true classes, columns the predicted ones; counts of the first seed.</p>
<div class="panels">
${ordered.map(({ method, runs: [first] }) => confusionPanel(method, first, classes)).join('\n')}
</div>
${embedData({ title, classes, methods })}`,
  );
}
