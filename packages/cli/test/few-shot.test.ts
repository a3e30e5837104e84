import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type FewShotEntry, fewShotEntries } from '@peft/vtab';
import { beforeAll, describe, expect, test } from 'vitest';
import { readArguments } from '../src/arguments.ts';
import { fewShot } from '../src/commands/few-shot.ts';
import { Output } from '../src/output/output.ts';
import { paintSide, Scratch, type Side } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);

/** A data set with `train` and `test`, `count` pictures of each side in both. */
async function paintFolders(name: string, count: number): Promise<void> {
  for (const split of ['train', 'test']) {
    for (const side of ['above', 'below'] as Side[]) {
      mkdirSync(at('sets', name, split, side), { recursive: true });
      const shift = split === 'train' ? 0 : count;
      for (let i = 0; i < count; i++) await paintSide(at('sets', name, split, side, `${i}.jpg`), side, i + shift);
    }
  }
}

const given = {
  backbone: 'pico-vit',
  methods: ['linear,lora'],
  tasks: ['sides'],
  shotCounts: '1,4',
  seeds: 2,
  epochs: 12,
  engine: 'wasm',
};

const run = async (out: string, changes: Record<string, unknown> = {}): Promise<void> =>
  fewShot(
    await readArguments({ ...given, out: at(out), ...changes }),
    at('sets'),
    new Output({ json: true, quiet: true }),
  );

const lines = (out: string): FewShotEntry[] =>
  readFileSync(at(out, 'results.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line, i) => fewShotEntries.parse(line, `line ${i + 1}`));

describe('the few-shot benchmark', () => {
  beforeAll(async () => {
    await paintFolders('sides', 6);
    await run('whole');
  });

  test('has a line for each method, number of shots and seed, each trained on its own pictures', () => {
    const entries = lines('whole');
    expect(entries.map(({ method, shots, seed }) => `${method} ${shots} ${seed}`).sort()).toEqual(
      ['linear', 'lora'].flatMap(method => ['1 0', '1 1', '4 0', '4 1'].map(rest => `${method} ${rest}`)),
    );
    for (const { shots, seed, record } of entries)
      expect(record.recipe).toMatchObject({ preset: 'few-shot', shots, seed, splitSeed: seed, lr: 5e-3, batch: 64 });
    const pictures = (method: string) =>
      entries.filter(entry => entry.method === method).map(({ record }) => record.data.train);
    expect(new Set(pictures('linear')).size).toBe(4);
    expect(pictures('lora')).toEqual(pictures('linear'));
    expect(new Set(entries.map(({ record }) => record.data.test)).size).toBe(1);
  });

  test('has tables and a page', () => {
    const table = readFileSync(at('whole', 'table.md'), 'utf8').split('\n');
    expect(table[0]).toBe('| method | shots | parameters | sides | mean of these |');
    expect(table.slice(2, 6).map(row => row.split(' | ').slice(0, 2))).toEqual([
      ['| linear', '1'],
      ['| linear', '4'],
      ['| lora', '1'],
      ['| lora', '4'],
    ]);
    expect(readFileSync(at('whole', 'table.tex'), 'utf8')).toContain('\\toprule');
    expect(readFileSync(at('whole', 'report.html'), 'utf8')).toContain('pictures of each class');
  });

  test('repeats no run that is there', async () => {
    const before = lines('whole');
    await run('whole');
    expect(lines('whole')).toEqual(before);
  });

  test("takes NOAH's lists where they are", async () => {
    mkdirSync(at('sets', 'noah', 'annotations'), { recursive: true });
    const list = (split: string, indices: number[]): string =>
      indices.map(i => `../sides/${split}/above/${i}.jpg 0\n../sides/${split}/below/${i}.jpg 1\n`).join('');
    for (const [name, text] of [
      ['train_meta.list.num_shot_1.seed_0', list('train', [0])],
      ['train_meta.list.num_shot_1.seed_1', list('train', [5])],
      ['test_meta.list', list('test', [0, 1, 2, 3])],
    ] as const)
      writeFileSync(at('sets', 'noah', 'annotations', name), text);
    await run('noah', { tasks: ['noah'], shotCounts: [1], methods: ['linear'], epochs: 2 });
    const [first, second] = lines('noah');
    expect(first?.record.data.train).not.toBe(second?.record.data.train);
    await expect(run('noah', { tasks: ['noah'], shotCounts: [2] })).rejects.toThrow(/no list of 2 shots for seed 0/);
  });

  test('says what is wrong with its arguments', async () => {
    await expect(run('x', { shotCounts: '1,x' })).rejects.toThrow('--shot-counts has NaN');
    await expect(run('x', { tasks: ['oxford_pet'] })).rejects.toThrow(
      /no data set oxford_pet \(closest: oxford_pets\)/,
    );
    await expect(run('x', { tasks: undefined })).rejects.toThrow(/has none of the data sets food-101/);
    await expect(run('x', { shotCounts: '9' })).rejects.toThrow(/fewer than 9 pictures of "above", "below"/);
    await paintFolders('oxford_pets', 1);
    await expect(run('x', { tasks: ['oxford_pets'], shotCounts: '1' })).rejects.toThrow(/has 2 classes; .* has 37/);
  });
});
