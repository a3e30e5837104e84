import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { entry } from '../../test/entries.ts';
import { vtabEntries } from '../index.ts';
import { addResult, findTasks, readResults } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peft-vtab-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a results file', () => {
  test('has a line for each run, and a new one in the place of an old one', async () => {
    const path = join(folder, 'results.jsonl');
    expect(await readResults(path, vtabEntries)).toEqual([]);
    await addResult(path, entry(['lora', 'cifar', 0], 0.5), vtabEntries);
    await addResult(path, entry(['lora', 'cifar', 1], 0.6), vtabEntries);
    await addResult(path, entry(['lora', 'cifar', 0], 0.7), vtabEntries);
    const found = await readResults(path, vtabEntries);
    expect(found.map(({ seed, record }) => [seed, record.result.metrics.accuracy])).toEqual([
      [1, 0.6],
      [0, 0.7],
    ]);
    expect((await readFile(path, 'utf8')).trim().split('\n')).toHaveLength(2);
  });

  test.each([
    ['not JSON', '{"task"', /line 1 is not valid JSON/],
    ['a list', '[1]', /line 1 must be a JSON object/],
    ['a wrong field', JSON.stringify({ ...entry(['lora', 'cifar', 0], 0.5), seed: -1 }), /line 1: seed is -1/],
    [
      'no record',
      JSON.stringify({ ...entry(['lora', 'cifar', 0], 0.5), record: {} }),
      /line 1: record has format undefined/,
    ],
  ])('with %s is refused by its line', async (_, line, message) => {
    const path = join(folder, 'results.jsonl');
    await writeFile(path, `${line}\n`);
    await expect(readResults(path, vtabEntries)).rejects.toThrow(message);
  });
});

describe('tasks are found by their lists', () => {
  const task = async (name: string): Promise<void> => {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'train800val200.txt'), '');
    await writeFile(join(folder, name, 'test.txt'), '');
  };

  test('in the order of the papers, with what is missing', async () => {
    await task('eurosat');
    await task('mine');
    await task('cifar');
    await mkdir(join(folder, 'notes'));
    const { found, missing } = await findTasks(folder);
    expect(found.map(({ name, task }) => [name, task?.classes])).toEqual([
      ['cifar', 100],
      ['eurosat', 10],
      ['mine', undefined],
    ]);
    expect(missing).toHaveLength(17);
  });

  test('a named one that is not there is refused with the closest name', async () => {
    await task('eurosat');
    await expect(findTasks(folder, ['eurosta'])).rejects.toThrow(/has no task eurosta \(closest: eurosat\)/);
  });

  test('a folder without tasks is refused, and so is none', async () => {
    await expect(findTasks(folder)).rejects.toThrow(/has none of the 19 tasks/);
    await expect(findTasks(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'missing' });
  });
});
