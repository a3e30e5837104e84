import type { Bars, Grid } from '@peft/run';
import { describe, expect, test } from 'vitest';
import { renderBars, renderGrid, renderMatrix, renderPatches } from './index.ts';

const heads: Grid = {
  kind: 'grid',
  title: 'Heads',
  columns: 'head',
  rows: [
    { name: 'blocks.0.attn q', values: [1, 2, 4], off: [0] },
    { name: 'blocks.1.attn q', values: [3, 0, 3], off: [0] },
  ],
};

const shares: Bars = {
  kind: 'bars',
  title: 'Norms',
  measure: 'norm',
  rows: [
    { name: 'blocks.0.mlp', value: 2 },
    { name: 'blocks.1.mlp', value: 1, note: 'pruned, shares blocks.0.mlp' },
  ],
};

describe('a grid', () => {
  test('shades each row by its largest, crosses what is off, and has a key', () => {
    const html = renderGrid(heads);
    expect(html.match(/shade-\d+/g)).toEqual(['shade-5', 'shade-10', 'shade-20', 'shade-20', 'shade-0', 'shade-20']);
    expect(html.match(/×<\/span>/g)).toHaveLength(2);
    expect(html).toContain('head 0: 1, off');
    expect(html).toContain('the stronger the color, the larger, within each row; × is off');
  });

  test('has a column for each total, as tall as its share of the largest', () => {
    const html = renderGrid({ ...heads, totals: { name: 'over layers', values: [1, 2, 4] } });
    expect(html.match(/height="[\d.]+%"/g)).toEqual(['height="25.0%"', 'height="50.0%"', 'height="100.0%"']);
    expect(html).toContain('title="head 2, over layers: 4"');
    expect(renderGrid(heads)).not.toContain('<tfoot>');
  });
});

test('bars are as long as their share of the longest; those of pruned places are hollow', () => {
  const html = renderBars(shares);
  expect(html.match(/class="bar( off)?"|width="[\d.]+%"/g)).toEqual([
    'class="bar"',
    'width="100.0%"',
    'class="bar off"',
    'width="50.0%"',
  ]);
});

describe('a matrix', () => {
  const confusion = {
    counts: [
      [3, 1],
      [0, 0],
    ],
    classes: ['cat', 'dog'],
  };

  test('shades each row by its shares, and tells the share that is right', () => {
    const html = renderMatrix(confusion);
    expect(html.match(/(right|wrong) shade-\d+/g)).toEqual([
      'right shade-15',
      'wrong shade-5',
      'wrong shade-0',
      'right shade-0',
    ]);
    expect(html.match(/\d+ %/g)).toEqual(['75 %', '0 %']);
  });

  test('has upright names where they are long', () => {
    expect(renderMatrix(confusion)).toContain('class="matrix"');
    expect(renderMatrix({ ...confusion, classes: ['cat', 'horse'] })).toContain('class="matrix long"');
  });

  test('has cells as its caller makes them, where there are pictures', () => {
    const html = renderMatrix(confusion, { cell: (count, ...place) => `<b>${count} at ${place}</b>` });
    expect(html.match(/<b>[^<]*<\/b>/g)).toEqual(['<b>3 at 0,0</b>', '<b>1 at 0,1</b>']);
  });
});

describe('patches', () => {
  const html = renderPatches({ title: 'Before', columns: 2, shares: [0.1, 0.2, 0.05, 0], full: 0.4 });

  test('stand in their places, shaded against the share that has the full color', () => {
    expect(html.match(/shade-\d+" x="\d" y="\d"/g)).toEqual([
      'shade-5" x="0" y="0"',
      'shade-10" x="1" y="0"',
      'shade-3" x="0" y="1"',
      'shade-0" x="1" y="1"',
    ]);
    expect(html).toContain('viewBox="0 0 2 2"');
  });

  test('tell where the strongest is', () => {
    expect(html).toContain('aria-label="Before. The strongest patch is row 1, column 2, 20.0 %."');
  });
});

test('names cannot become markup, and no drawing has inline style, which a strict policy would refuse', () => {
  const name = '<img src=x onerror="alert(1)">';
  const html = [
    renderGrid({ ...heads, title: name, columns: name, rows: [{ name, values: [1] }] }),
    renderBars({ ...shares, title: name, measure: name, rows: [{ name, value: 1, note: name }] }),
    renderMatrix({ counts: [[1]], classes: [name] }),
    renderPatches({ title: name, columns: 1, shares: [1], full: 1 }),
  ].join('');
  expect(html).not.toContain('<img');
  expect(html).not.toContain('onerror="');
  expect(html).not.toContain('style=');
});
