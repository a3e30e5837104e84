import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
    split: 'test',
    steps: 4,
    batch: 4,
    imageSize: 16,
    targets: ['blocks.5.attn.qkv[q,v]'],
  },
  space: { 'set.r': [1, 2], lr: [1e-3, 1e-2] },
  search: { kind: 'asha', n: 3, min: 2, factor: 2 },
  seeds: [1, 2],
  evalSplit: 'train', // mnist has no val
};

/** Runs the sweep in a folder with one worker in this process. */
async function sweepIn(folder: string) {
  const stop = new AbortController();
  const queueFolder = join(folder, 'queue');
  const handler = runHandler({ folder: join(folder, 'runs') });
  const work = workAt(queueFolder, handler, stop.signal);
  try {
    return await runSweep(defineSweep(file), {
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
  expect(await readFile(join(folder, 'table.md'), 'utf8')).toMatch(/^\| trial \| set\.r \| lr \| steps \| accuracy \|/);
  await sweepIn(folder);
  expect(await entriesIn(folder)).toEqual(entries);
});
