import { expect, test } from 'vitest';
import { curvesFile, page, renderCurves, renderDots, smoothed } from './index.ts';

const chart = { title: 'Loss & more', x: 'step', y: 'nats' };
const line = (name: string, ys: readonly number[]) => ({ name, points: ys.map((y, i) => ({ x: i + 1, y })) });

/** The numbers at the ticks of an axis. */
const ticks = (html: string, axis: 'x' | 'y'): string[] => {
  const [, group = ''] = html.match(new RegExp(`aria-label="${axis}-axis tick label"[^>]*>(.*?)</g>`, 's')) ?? [];
  return [...group.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = '']) => text);
};

test('curves have a legend with every name, and axes with round numbers', () => {
  const html = renderCurves([line('lora', [2.31, 1.17, 0.43]), line('<b>', [])], chart);
  expect(html).toContain('Loss &#38; more');
  expect(html).toContain('&#60;b&#62;</li>');
  expect(html).toContain('stroke="var(--method-lora)"');
  expect(ticks(html, 'x').map(Number)).toEqual(expect.arrayContaining([1, 2, 3]));
  for (const tick of ticks(html, 'y')) expect(Number(tick) % 0.5).toBe(0);
});

test('curves of one color differ in their dashes', () => {
  const html = renderCurves([line('lora', [1, 2]), line('lora-8', [2, 3])], chart);
  expect(html.match(/<li>.*?stroke-dasharray="([^"]*)"/gs)?.map(item => item.match(/dasharray="(.*?)"/)?.[1])).toEqual([
    'none',
    '6 3',
  ]);
});

test('dots have their names, and a bar where there is a spread', () => {
  const dots = [
    { name: 'lora', x: 1000, y: 80, deviation: 2 },
    { name: 'heat', x: 20_000, y: 81, deviation: 0 },
  ];
  const html = renderDots(dots, { ...chart, logX: true });
  expect(html.match(/<circle/g)).toHaveLength(2);
  expect(html.match(/aria-label="link".*?<\/g>/s)?.[0].match(/<path/g)).toHaveLength(1);
  for (const { name } of dots) expect(html).toContain(`>${name}<`);
});

test('a file of curves stands alone', () => {
  expect(curvesFile([line('ours', [1, 2])], chart)).toMatch(
    /^<svg .*xmlns="http:\/\/www.w3.org\/2000\/svg".*>ours<.*<\/svg>\n$/s,
  );
});

test('names at the ends of lines do not overlap in a picture file', () => {
  const curves = [line('a', [1, 5]), line('b', [2, 5]), line('c', [3, 5.01]), line('d', [4, 1])];
  const svg = curvesFile(curves, chart);
  const tops = curves.map(({ name }) => {
    const [, shift, top] =
      svg.match(
        new RegExp(`translate\\(8\\.?5?,(-?[\\d.]+)\\)"[^>]*><text[^>]*translate\\([^,]*,([\\d.]+)\\)[^>]*>${name}<`),
      ) ?? [];
    return Number(shift) + Number(top);
  });
  const sorted = [...tops].sort((a, b) => a - b);
  for (const [i, top] of sorted.slice(1).entries()) expect(top - (sorted[i] ?? 0)).toBeGreaterThan(11);
  expect(Math.max(...tops)).toBe(tops[3]);
});

test('a curve of one point is a dot in a picture file', () => {
  expect(curvesFile([line('a', [1]), line('b', [1, 2])], chart).match(/<circle /g)).toHaveLength(1);
});

test('smoothing keeps a level, and short runs as they are', () => {
  expect(smoothed([3, 1, 2]).map(({ y }) => y)).toEqual([3, 1, 2]);
  const zigzag = smoothed(Array.from({ length: 1000 }, (_, i) => 5 + (i % 2)));
  for (const { y } of zigzag) expect(Math.abs(y - 5.5)).toBeLessThan(0.05);
});

test('a page needs no other file', () => {
  const html = page('A <b> run', '<p>body</p>');
  expect(html).toContain('<title>A &#60;b&#62; run</title>');
  expect(html).toContain('--method-lora');
  expect(html).not.toMatch(/<link|<script|url\(|@import/);
});
