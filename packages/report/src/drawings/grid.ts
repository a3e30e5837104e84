import type { Grid } from '@peft/run';
import { escapeHtml, largestOf, scrolling, shadeOf, short } from './html.ts';

const columnsOf = ({ rows }: Grid): number => Math.max(...rows.map(({ values }) => values.length));

function lineOf({ columns }: Grid, { name, values, off = [] }: Grid['rows'][number]): string {
  const largest = largestOf(values);
  const cells = values.map((value, i) => {
    const isOff = off.includes(i);
    const told = `${columns} ${i}: ${short(value)}${isOff ? ', off' : ''}`;
    const mark = isOff ? '<span class="cross" aria-hidden="true">×</span>' : '';
    return `<td class="${shadeOf(value / largest)}" title="${escapeHtml(told)}">${mark}<span class="visually-hidden">${escapeHtml(told)}</span></td>`;
  });
  return `<tr><th scope="row">${escapeHtml(name)}</th>${cells.join('')}</tr>`;
}

/** What the columns come to, as columns against the tallest. */
function totalsOf({ columns, totals }: Grid): string {
  if (!totals) return '';
  const largest = largestOf(totals.values);
  const cells = totals.values.map((total, i) => {
    const told = `${columns} ${i}, ${totals.name}: ${short(total)}`;
    const height = (100 * total) / largest;
    const column = `<svg class="column" aria-hidden="true"><rect y="${(100 - height).toFixed(1)}%" width="100%" height="${height.toFixed(1)}%" rx="2"/></svg>`;
    return `<td title="${escapeHtml(told)}">${column}<span class="visually-hidden">${escapeHtml(told)}</span></td>`;
  });
  return `<tfoot><tr><th scope="row">${escapeHtml(totals.name)}</th>${cells.join('')}</tr></tfoot>`;
}

/** Draws a table of shaded cells, with a key, and with the totals that decide. */
export function renderGrid(grid: Grid): string {
  const { title, columns, rows } = grid;
  const width = columnsOf(grid);
  const numbers = Array.from({ length: width }, (_, i) => `<th scope="col">${i}</th>`).join('');
  const head = `<thead><tr><th scope="col">${escapeHtml(columns)}</th>${numbers}</tr></thead>`;
  const body = `<tbody>${rows.map(row => lineOf(grid, row)).join('')}</tbody>`;
  const table = `<table class="grid">${head}${body}${totalsOf(grid)}</table>`;
  const off = rows.some(row => row.off?.length) ? '; × is off' : '';
  return `${scrolling(title, table)}<p class="key"><span></span> the stronger the color, the larger, within each row${off}</p>`;
}
