import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromInt32, serializeSafetensors } from '@peft/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineSweep, parseEntry, type SweepEntry } from '../src/index.ts';
import { openEmbeddedQueue, runHandler, runSweep, workAt } from '../src/node/index.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'peft-sweep-'));
});
afterAll(() => rm(scratch, { recursive: true }));

/** A few steps on some digits. */
const file = {
  recipe: {
    backbone: 'pico-vit',
    data: 'mnist',
    valFraction: 0.1,
    steps: 4,
    batch: 4,
    imageSize: 16,
    targets: ['blocks.5.attn.qkv[q,v]'],
  },
  space: { 'set.r': [1, 2], lr: [1e-3, 1e-2] },
  search: { kind: 'asha', n: 3, min: 2, factor: 2 },
  seeds: [1, 2],
};

/** Runs a sweep in a folder with one worker in this process. */
async function sweepIn(folder: string, given: object = file) {
  const stop = new AbortController();
  const queueFolder = join(folder, 'queue');
  const handler = runHandler({ folder: join(folder, 'runs') });
  const work = workAt(queueFolder, handler, stop.signal);
  try {
    return await runSweep(defineSweep(given), {
      folder,
      openQueue: () => openEmbeddedQueue(queueFolder),
      signal: stop.signal,
    });
  } finally {
    stop.abort();
    await work;
  }
}

const entriesIn = async (folder: string): Promise<SweepEntry[]> =>
  (await readFile(join(folder, 'results.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line, i) => parseEntry(line, `line ${i + 1}`));

test('a sweep has a line for each run, and tables; called again, it repeats nothing', async () => {
  const folder = join(scratch, 'halving');
  const { rows, failures, isDone } = await sweepIn(folder);
  expect([isDone, failures]).toEqual([true, []]);
  const entries = await entriesIn(folder);
  expect(entries.map(({ rung }) => rung)).toEqual([0, 0, 0, 0, 0, 0, 1, 1]);
  const whole = entries.flatMap(({ record }) => record ?? []);
  expect(whole.map(({ result }) => result.losses.length)).toEqual([4, 4]);
  expect(rows.map(({ rung, runs }) => [rung, runs])).toEqual([
    [1, 2],
    [0, 2],
    [0, 2],
  ]);
  expect(await readFile(join(folder, 'table.md'), 'utf8')).toMatch(
    /^\| trial \| accuracy \| deviation \| set\.r \| lr \| steps \|/,
  );
  await sweepIn(folder);
  expect(await entriesIn(folder)).toEqual(entries);
});

/** Noise of two shades in turn, in one body, so that splits are drawn. */
function shades(): Uint8Array {
  const [count, side] = [60, 16];
  const size = side * side * 3;
  const bytes = Uint8Array.from({ length: count * size }, (_, i) => {
    const picture = Math.floor(i / size);
    return (picture % 2) * 128 + ((i * 7 + picture * 13) % 97);
  });
  const labels = fromInt32(
    Int32Array.from({ length: count }, (_, i) => i % 2),
    [count],
  );
  return serializeSafetensors([
    ['images', { dtype: 'U8', shape: [count, side, side, 3], bytes }],
    ['labels', labels],
  ]);
}

describe('a sweep that cannot start', () => {
  test.each([
    ['train', 'trainval', 'val'],
    ['all', 'train', 'all'],
  ])('as %s overlaps, keeps nothing in its folder: it is mended there', async (name, split, evalSplit) => {
    const folder = join(scratch, name);
    const data = join(scratch, `${name}.safetensors`);
    const recipe = { ...file.recipe, split, data };
    await writeFile(data, shades());
    await expect(sweepIn(folder, { ...file, recipe, evalSplit })).rejects.toThrow(
      new RegExp(`evalSplit ${evalSplit} .* and split ${split} .* share pictures, \\d+ or more of`),
    );
    const mended = { ...file, recipe: { ...recipe, split: 'train' } };
    expect(await sweepIn(folder, mended)).toMatchObject({ isDone: true, failures: [] });
  });
});
