import { check, PeftError } from '@peft/core';
import { configure, required, value } from '@peft/core/method';
import { parseResult } from '@peft/run';
import type { ComparedMethod } from '../compared-method.ts';
import { renderInsight } from './insight.ts';
import { htmlTable, page } from './page.ts';
import { escapeHtml, lineChart, type Series, scatterChart } from './svg.ts';
import { bytes, count, ms, percent } from './table.ts';

export interface Report {
  title: string;
  classes: readonly string[];
  methods: readonly ComparedMethod[];
}

/** The mean of each run of `window` values, against the step in the middle. */
function smooth(values: readonly number[], window: number): [number, number][] {
  const points: [number, number][] = [];
  for (let start = 0; start < values.length; start += window) {
    const part = values.slice(start, start + window);
    points.push([start + part.length / 2, part.reduce((sum, value) => sum + value, 0) / part.length]);
  }
  return points;
}

const lossSeries = (methods: readonly ComparedMethod[]): Series[] =>
  methods.map(({ method, runs }) => ({
    name: method,
    points: smooth(runs[0].losses, Math.max(1, Math.floor(runs[0].losses.length / 100))),
  }));

const accuracySeries = (methods: readonly ComparedMethod[]): Series[] =>
  methods.map(({ method, runs }) => ({
    name: method,
    points: runs.map(({ trainable, metrics }): [number, number] => [trainable, 100 * metrics.accuracy]),
  }));

function resultRows(methods: readonly ComparedMethod[]): string {
  const body = methods.map(({ method, runs, meanAccuracy, deviation }) => [
    method,
    percent(meanAccuracy) + (runs.length > 1 ? ` ± ${(100 * deviation).toFixed(1)}` : ''),
    percent(runs.reduce((sum, { metrics }) => sum + metrics.meanPerClass, 0) / runs.length),
    count(runs[0].trainable),
    bytes(runs[0].bytes),
    runs[0].seconds.toFixed(1),
    ms(runs[0].stepMs),
  ]);
  return htmlTable(['method', 'accuracy', 'mean per class', 'trainable', 'adapter', 'seconds', 'ms per step'], body);
}

function confusion({ method, runs }: ComparedMethod, classes: readonly string[]): string {
  const { confusion: counts } = runs[0].metrics;
  if (counts.length > 40) return '';
  const rows = counts.map((line, label) => {
    const name = classes[label] ?? String(label);
    const total = line.reduce((sum, value) => sum + value, 0) || 1;
    const cells = line.map(value => {
      const share = (value / total).toFixed(2);
      return `<td style="background: rgb(0 114 178 / ${share})" title="${escapeHtml(name)}">${value || ''}</td>`;
    });
    return `<tr><th>${escapeHtml(name)}</th>${cells.join('')}</tr>`;
  });
  return `<div class="wide"><h3>${escapeHtml(method)}</h3><table class="confusion">${rows.join('')}</table></div>`;
}

/** The drawings of a method's first run. */
function inside({ method, runs }: ComparedMethod): string {
  const { insights } = runs[0];
  if (insights.length === 0) return '';
  return `<h2>Inside ${escapeHtml(method)}</h2><div class="charts">${insights.map(renderInsight).join('\n')}</div>`;
}

const dataId = 'peft-report';

/** The data of the report, which its page embeds. */
const dataOf = (report: Report): string => {
  const json = JSON.stringify({ format: 1, ...report }).replaceAll('<', '\\u003c');
  return `<script type="application/json" id="${dataId}">${json}</script>`;
};

const fields = {
  title: required('What was compared.', value.string()),
  classes: required('The names of the classes.', value.list(value.string())),
  methods: required('The methods, with their runs.', value.list(value.object({}))),
};

const methodFields = {
  method: required('Its name.', value.string()),
  runs: required('Its runs, one a seed.', value.list(value.object({}))),
  meanAccuracy: required('Over the seeds.', value.number()),
  deviation: required('Over the seeds.', value.number()),
};

const fromFile = { code: 'bad-file', ignoreUnknown: true } as const;

/**
 * The data of a report that `renderReport` wrote.
 *
 * @throws PeftError `bad-file` for anything else, or a format that this version does not read
 */
export function parseReport(html: string, source: string): Report {
  const [, text] = html.match(new RegExp(`<script type="application/json" id="${dataId}">(.*?)</script>`, 's')) ?? [];
  check(text !== undefined, 'bad-file', () => `${source} is not a report of peft compare: it has no data.`);
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new PeftError('bad-file', `${source}: its data is not valid JSON.`, { cause });
  }
  const { format } = json;
  check(format === 1, 'bad-file', () => `${source} has format ${String(format)}; this version reads 1.`);
  for (const [i, method] of configure(source, fields, json, fromFile).methods.entries()) {
    const { runs } = configure(`${source}: methods[${i}]`, methodFields, method, fromFile);
    check(runs.length > 0, 'bad-file', () => `${source}: methods[${i}] has no run.`);
    for (const [j, run] of runs.entries()) parseResult(run, `${source}: methods[${i}].runs[${j}]`);
  }
  return json as unknown as Report;
}

/** Renders a self-contained HTML file: results, curves, accuracy against parameters, drawings of each method, confusion. */
export const renderReport = ({ title, classes, methods }: Report): string =>
  page(
    title,
    `${resultRows(methods)}
<div class="charts">
${lineChart(lossSeries(methods), { title: 'Training loss', x: 'step', y: 'cross entropy (nats)' })}
${scatterChart(accuracySeries(methods), { title: 'Accuracy against trained parameters', x: 'trained parameters', y: 'accuracy (%)', logX: true })}
</div>
${methods.map(inside).join('\n')}
<h2>Confusion</h2>
<p>Rows are the true class, columns the predicted one, in the same order; counts on the test split.</p>
<div class="charts">
${methods.map(method => confusion(method, classes)).join('\n')}
</div>
${dataOf({ title, classes, methods })}`,
  );
