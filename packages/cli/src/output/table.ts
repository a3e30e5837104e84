import { escapeControls } from '@peft/core';

/** Formats a table as text: aligned columns, numbers to the right, a line below the head. */
export function table(head: readonly string[], contents: readonly (readonly string[])[]): string {
  const rows = contents.map(cells => cells.map(escapeControls));
  const columns = head.map((title, column) => {
    const cells = rows.map(row => row[column] ?? '');
    const width = Math.max(title.length, ...cells.map(({ length }) => length));
    return { width, isNumber: cells.every(cell => /^[-+\d.,%]*( \w+)?$/.test(cell)) };
  });
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ width, isNumber }, column) => {
        const cell = cells[column] ?? '';
        return isNumber ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  const rule = columns.map(({ width }) => '─'.repeat(width)).join('  ');
  return [line(head), rule, ...rows.map(line)].join('\n');
}

export const count = (value: number): string => value.toLocaleString('en-US');

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Formats bytes in decimal units: 12.3 kB, 1.2 MB. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const exponent = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${(value / 1000 ** exponent).toFixed(exponent === 0 ? 0 : 1)} ${units[exponent]}`;
}

/** Formats milliseconds, with a decimal below 10; `-` if they are unknown. */
export const ms = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? '-' : value.toFixed(value < 10 ? 1 : 0);

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
