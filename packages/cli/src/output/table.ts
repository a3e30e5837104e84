import { escapeControls } from '@peft/core';

/** Formats a table as text: aligned columns, numbers to the right, a line below the head. */
export function table(head: readonly string[], contents: readonly (readonly string[])[]): string {
  const rows = contents.map(cells => cells.map(escapeControls));
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => row[column].length)));
  const isNumber = head.map((_, column) => rows.every(({ [column]: cell }) => /^[-+\d.,%]*( \w+)?$/.test(cell)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (isNumber[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd();
  return [line(head), widths.map(width => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

export const count = (value: number): string => value.toLocaleString('en-US');

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Formats bytes in decimal units: 12.3 kB, 1.2 MB. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const exponent = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${(value / 1000 ** exponent).toFixed(exponent === 0 ? 0 : 1)} ${units[exponent]}`;
}

/** Formats whole milliseconds; `-` if they are unknown. */
export const ms = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? '-' : value.toFixed(0);

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
