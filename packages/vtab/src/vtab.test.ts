import { describe, expect, test } from 'vitest';
import { entry } from '../test/entries.ts';
import { averagesOf, latexTable, markdownTable, published, summarize, taskOf, tasks, vtabRecipe } from './index.ts';

const row = (method: string) => published.find(({ method: name }) => name === method)!;

test('the 19 tasks are those of the papers', () => {
  expect(tasks).toHaveLength(19);
  expect(
    ['Natural', 'Specialized', 'Structured'].map(group => tasks.filter(task => task.group === group).length),
  ).toEqual([7, 4, 8]);
  expect(taskOf('sun397')).toEqual({ name: 'sun397', group: 'Natural', classes: 397 });
});

describe('the averages of published rows are those that their source gives', () => {
  test.each([
    ['LoRA', 79.49, 84.55, 59.78, 74.6, 72.25],
    ['Full fine-tuning', 75.89, 83.38, 47.64, 68.97, 65.57],
    ['RepAdapter', 81.63, 85.42, 61.23, 76.09, 73.84],
    ['Linear', 68.93, 77.15, 26.85, 57.64, 52.94],
  ])('%s', (method, natural, specialized, structured, groupAverage, flat) => {
    const found = averagesOf(row(method).accuracies);
    const near = (value: number | undefined, expected: number) =>
      expect(Math.abs(value! - expected)).toBeLessThan(0.0051);
    near(found.groups.Natural, natural);
    near(found.groups.Specialized, specialized);
    near(found.groups.Structured, structured);
    near(found.groupAverage, groupAverage);
    near(found.flatMean, flat);
  });
});

test('an average whose tasks are not all there is none', () => {
  const { groups, groupAverage, flatMean, measured } = averagesOf({ eurosat: 90, cifar: 70 });
  expect([groups.Natural, groups.Specialized, groupAverage, flatMean]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(measured).toBe(80);
});

test('last and best are told apart, over seeds', () => {
  const rows = summarize([
    entry(['lora', 'eurosat', 0], 0.8, [0.7, 0.9]),
    entry(['lora', 'eurosat', 1], 0.6, [0.5, 0.6]),
    entry(['linear', 'eurosat', 0], 0.5),
  ]);
  expect(rows.map(({ method }) => method)).toEqual(['lora', 'linear']);
  const { cells, parameters } = rows[0]!;
  expect(parameters).toBe(1000);
  expect(cells.eurosat?.runs).toBe(2);
  expect(cells.eurosat?.last).toBeCloseTo(70, 10);
  expect(cells.eurosat?.best).toBeCloseTo(75, 10);
  expect(cells.eurosat?.deviation).toBeCloseTo(Math.SQRT1_2 * 20, 10);
  expect(rows[1]!.cells.eurosat).toMatchObject({ last: 50, best: 50, deviation: 0 });
});

test('tables have measured rows before published ones, in the order of the tasks', () => {
  const rows = summarize([entry(['lora', 'eurosat', 0], 0.8, [0.9]), entry(['lora', 'cifar', 0], 0.4)]);
  const report = { protocol: 'raw' as const, rows, published: [row('LoRA')] };
  expect(markdownTable(report).split('\n')).toEqual([
    '| method | parameters | cifar | eurosat | Natural | Specialized | Structured | group average | flat mean | mean of these |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    '| lora, last | 1,000 | 40.0 | 80.0 | - | - | - | - | - | 60.0 |',
    '| lora, best look | 1,000 | 40.0 | 90.0 | - | - | - | - | - | 65.0 |',
    '| LoRA (published) | 0.29M | 67.1 | 95.3 | 79.5 | 84.6 | 59.8 | 74.6 | 72.3 | 81.2 |',
  ]);
  expect(latexTable(report)).toContain('lora, best look & 1,000 & 40.0 & 90.0 & - & - & - & - & - & 65.0 \\\\');
});

test('the recipe is that of the papers, and what is given wins', () => {
  expect(vtabRecipe('raw', { method: 'lily' })).toMatchObject({ preset: 'vtab1k', normalize: false, method: 'lily' });
  expect(vtabRecipe('normalized', { epochs: 3 })).toMatchObject({ normalize: 'imagenet', epochs: 3 });
});
