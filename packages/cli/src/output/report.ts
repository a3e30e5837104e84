import { check, PeftError } from '@peft/core';
import { configure, required, value } from '@peft/core/method';
import { parseResult } from '@peft/run';
import type { ComparedMethod } from '../compared-method.ts';
import { renderInsight } from './insight.ts';
import { escapeHtml, lineChart, type Series, scatterChart } from './svg.ts';
import { bytes, count, ms, percent } from './table.ts';

export interface Report {
  title: string;
  classes: readonly string[];
  methods: readonly ComparedMethod[];
}

const style = `
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; margin: 1rem 0; }
  th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
  .wide { overflow-x: auto; }
  th:first-child, td:first-child { text-align: left; }
  .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 1rem; }
  svg { width: 100%; height: auto; font-size: 10px; fill: currentColor; }
  svg .title { font-size: 13px; font-weight: 600; }
  svg .grid { stroke: #8883; }
  .insight { margin: 0; overflow-x: auto; }
  .insight figcaption { font-weight: 600; }
  .insight th, .insight td { padding: .1rem .35rem; font-size: 12px; border: 0; font-weight: 400; }
  .grid td { min-width: 1.2rem; text-align: center; border: 1px solid #8883; }
  .bars .bar { width: 160px; } .bars .bar div { background: rgb(0 114 178); height: .8rem; }
  .confusion td { padding: .1rem .35rem; font-size: 12px; text-align: center; }
`;

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

const row = (cells: readonly string[], tag = 'td'): string =>
  `<tr>${cells.map(cell => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;

function resultRows(methods: readonly ComparedMethod[]): string {
  const body = methods.map(({ method, runs, meanAccuracy, deviation }) =>
    row([
      method,
      percent(meanAccuracy) + (runs.length > 1 ? ` ± ${(100 * deviation).toFixed(1)}` : ''),
      percent(runs.reduce((sum, { metrics }) => sum + metrics.meanPerClass, 0) / runs.length),
      count(runs[0].trainable),
      bytes(runs[0].bytes),
      runs[0].seconds.toFixed(1),
      ms(runs[0].stepMs),
    ]),
  );
  const head = row(['method', 'accuracy', 'mean per class', 'trainable', 'adapter', 'seconds', 'ms per step'], 'th');
  return `<div class="wide"><table><thead>${head}</thead><tbody>${body.join('')}</tbody></table></div>`;
}

function confusion({ method, runs }: ComparedMethod, classes: readonly string[]): string {
  const { confusion: counts } = runs[0].metrics;
  if (counts.length > 40) return '';
  const rows = counts.map((line, label) => {
    const total = line.reduce((sum, value) => sum + value, 0) || 1;
    const cells = line.map(value => {
      const share = (value / total).toFixed(2);
      return `<td style="background: rgb(0 114 178 / ${share})" title="${escapeHtml(classes[label])}">${value || ''}</td>`;
    });
    return `<tr><th>${escapeHtml(classes[label])}</th>${cells.join('')}</tr>`;
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
export const renderReport = ({ title, classes, methods }: Report): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>${style}</style></head>
<body>
<h1>${escapeHtml(title)}</h1>
${resultRows(methods)}
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
${dataOf({ title, classes, methods })}
</body>
</html>
`;
