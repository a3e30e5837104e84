import { expect, test } from 'vitest';
import { recordWith } from '../../../run/test/record.ts';
import {
  type FewShotEntry,
  fewShotDatasets,
  fewShotLatex,
  fewShotMarkdown,
  fewShotRecipe,
  summarizeFewShot,
} from './index.ts';

const entry = (method: string, dataset: string, shots: number, seed: number, accuracy: number): FewShotEntry => ({
  method,
  dataset,
  shots,
  seed,
  record: recordWith(method, accuracy, 1000),
});

const entries = [
  entry('lora', 'oxford_pets', 4, 0, 0.8),
  entry('lora', 'oxford_pets', 1, 0, 0.5),
  entry('lora', 'oxford_pets', 1, 1, 0.7),
  entry('lora', 'food-101', 1, 0, 0.2),
  entry('linear', 'oxford_pets', 1, 0, 0.4),
];

test('the five data sets have the classes of the papers', () => {
  expect(fewShotDatasets.reduce((sum, { classes }) => sum + classes, 0)).toBe(101 + 37 + 196 + 102 + 100);
});

test('rows are means over seeds, by method and by shots', () => {
  const rows = summarizeFewShot(entries);
  expect(rows.map(({ method, shots }) => [method, shots])).toEqual([
    ['lora', 1],
    ['lora', 4],
    ['linear', 1],
  ]);
  expect(rows[0]?.average).toBeCloseTo((60 + 20) / 2, 10);
  expect(fewShotMarkdown(rows).split('\n')).toEqual([
    '| method | shots | parameters | oxford_pets | food-101 | mean of these |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    '| lora | 1 | 1,000 | 60.0 ± 14.1 | 20.0 | 40.0 |',
    '| lora | 4 | 1,000 | 80.0 | - | 80.0 |',
    '| linear | 1 | 1,000 | 40.0 | - | 40.0 |',
  ]);
  expect(fewShotLatex(rows)).toContain('lora & 1 & 1,000 & 60.0 $\\pm$ 14.1 & 20.0 & 40.0 \\\\');
});

test("the recipe is NOAH's for LoRA; the seed chooses the pictures; what is given wins but for these", () => {
  expect(fewShotRecipe(4, 2, { method: 'lora', epochs: 5, seed: 9 })).toEqual({
    preset: 'few-shot',
    method: 'lora',
    epochs: 5,
    shots: 4,
    seed: 2,
    splitSeed: 2,
  });
});
