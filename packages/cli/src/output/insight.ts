import type { Bars, Grid, Insight } from '@peft/run';
import { escapeHtml } from './svg.ts';

const figure = (title: string, table: string): string =>
  `<figure class="insight"><figcaption>${escapeHtml(title)}</figcaption>${table}</figure>`;

const shaded = (share: number): string => `background: rgb(0 114 178 / ${share.toFixed(2)})`;

function renderGrid({ title, columns, rows }: Grid): string {
  const width = Math.max(...rows.map(({ values }) => values.length));
  const head = Array.from({ length: width }, (_, i) => `<th>${i}</th>`).join('');
  const lines = rows.map(({ name, values, off = [] }) => {
    const largest = Math.max(...values, Number.MIN_VALUE);
    const cells = values.map((value, i) => {
      const isOff = off.includes(i);
      const label = `${columns} ${i}: ${value.toPrecision(3)}${isOff ? ', off' : ''}`;
      return `<td style="${shaded(value / largest)}" title="${escapeHtml(label)}">${isOff ? '×' : ''}</td>`;
    });
    return `<tr><th>${escapeHtml(name)}</th>${cells.join('')}</tr>`;
  });
  return figure(title, `<table class="grid"><tr><th>${escapeHtml(columns)}</th>${head}</tr>${lines.join('')}</table>`);
}

function renderBars({ title, measure, rows }: Bars): string {
  const largest = Math.max(...rows.map(({ value }) => value), Number.MIN_VALUE);
  const hasNotes = rows.some(({ note }) => note !== undefined);
  const lines = rows.map(({ name, value, note = '' }) => {
    const bar = `<div style="width: ${((100 * value) / largest).toFixed(1)}%"></div>`;
    const notes = hasNotes ? `<td>${escapeHtml(note)}</td>` : '';
    return `<tr><th>${escapeHtml(name)}</th><td class="bar">${bar}</td><td>${value.toPrecision(3)}</td>${notes}</tr>`;
  });
  const head = `<tr><th></th><th>${escapeHtml(measure)}</th><th></th>${hasNotes ? '<th></th>' : ''}</tr>`;
  return figure(title, `<table class="bars">${head}${lines.join('')}</table>`);
}

export const renderInsight = (insight: Insight): string =>
  insight.kind === 'grid' ? renderGrid(insight) : renderBars(insight);
