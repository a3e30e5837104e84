import type { Bars } from '@peft/run';
import { escapeHtml, largestOf, scrolling, short } from './html.ts';

/** A bar as a picture: its length is a share of the place that it has. */
const bar = (share: number, isOff: boolean): string =>
  `<svg class="${isOff ? 'bar off' : 'bar'}" aria-hidden="true"><rect width="${(100 * share).toFixed(1)}%" height="100%" rx="2"/></svg>`;

/** Draws a bar for each row, against the longest. Pruned places are hollow. */
export function renderBars({ title, measure, rows }: Bars): string {
  const largest = largestOf(rows.map(({ value }) => value));
  const lines = rows.map(({ name, value, note }) => {
    const told = note === undefined ? '' : `<span class="note">${escapeHtml(note)}</span>`;
    const isOff = note?.startsWith('pruned') ?? false;
    return `<tr><th scope="row">${escapeHtml(name)}${told}</th><td>${bar(value / largest, isOff)}</td><td>${short(value)}</td></tr>`;
  });
  const head = `<tr><th scope="col">place</th><th scope="col" colspan="2">${escapeHtml(measure)}</th></tr>`;
  return scrolling(title, `<table class="bars"><thead>${head}</thead><tbody>${lines.join('')}</tbody></table>`);
}
