import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { imagenet, type Preprocessing } from '@peft/core';
import { describe, expect, test } from 'vitest';
import { failure } from '../../test/errors.ts';
import { blackPng, png, temporaryFolder } from '../../test/files.ts';
import { batchSource } from '../batch-source.ts';
import { batches } from '../batches.ts';
import { concat, type Dataset, subset } from '../dataset.ts';
import { relabel } from '../relabel.ts';
import type { Transform } from '../transform.ts';
import { evalTransform } from '../transforms/eval.ts';
import { openDataset } from './open.ts';

const preprocessing: Preprocessing = {
  ...imagenet,
  inputSize: [3, 20, 20],
  interpolation: 'bicubic',
  cropPct: 0.9,
  cropMode: 'center',
};

/** A dozen pictures of two classes, of other sizes and colors each. */
async function folder(): Promise<string> {
  const names = Array.from({ length: 12 }, (_, i) => `${i % 2 ? 'cat' : 'dog'}/${i}.png`);
  const files = await Promise.all(names.map(async (name, i) => [name, await png(i * 20, 45 + i * 7, 90 - i)] as const));
  return temporaryFolder(Object.fromEntries(files));
}

const open = (root: string, workers?: number): Promise<Dataset> => openDataset(root, 'all', { workers });

async function collect(dataset: Dataset, augment: 'none' | 'flip-crop', skip = 0) {
  const source = batchSource(dataset, preprocessing, { batch: 5, dropLast: false, augment, seed: 3 });
  const found = [];
  for await (const { images, labels, indices } of source.batches(1, skip)) found.push({ images, labels, indices });
  return found;
}

test('threads are started, and run what was built', async () => {
  const started: Worker[] = [];
  const note = (worker: Worker): void => void started.push(worker);
  process.on('worker', note);
  await collect(await open(await folder(), 4), 'none');
  process.off('worker', note);
  expect(started.map(({ threadId }) => threadId > 0)).toEqual(Array(4).fill(true)); // an ended one has none
});

describe('whatever the number of threads, batches are the same', async () => {
  for (const augment of ['none', 'flip-crop'] as const) {
    test(augment, async () => {
      const root = await folder();
      const here = await collect(await open(root, 0), augment);
      expect(here.map(({ indices }) => indices.length)).toEqual([5, 5, 2]);
      for (const workers of [undefined, 1, 2, 3, 7]) {
        expect(await collect(await open(root, workers), augment)).toEqual(here);
        expect(await collect(await open(root, workers), augment, 1)).toEqual(here.slice(1));
      }
    });
  }

  test('of parts, of several datasets and under other labels', async () => {
    const root = await folder();
    const derived = async (workers: number): Promise<Dataset> => {
      const whole = await open(root, workers);
      const part = subset(whole, Int32Array.of(7, 3, 11, 0), 'part');
      return relabel(concat([part, whole], 'both'), ['dog', 'cat', 'bird']);
    };
    const there = await derived(2);
    expect(!there.preprocessed && there.prepared).toBeTypeOf('function');
    expect(await collect(there, 'flip-crop')).toEqual(await collect(await derived(0), 'flip-crop'));
  });
});

test('a transform of your own runs in this thread', async () => {
  let calls = 0;
  const own: Transform = { height: 1, width: 1, apply: () => Float32Array.of(++calls, 0, 0) };
  for await (const { images } of batches(await open(await folder(), 2), { batchSize: 12, transform: own })) {
    expect(images.data.length).toBe(36);
  }
  expect(calls).toBe(12);
});

describe('errors are those of this thread', () => {
  const errorOf = async (root: string, workers: number, transform = evalTransform(preprocessing)) =>
    failure(
      (async () => {
        for await (const _ of batches(await open(root, workers), { batchSize: 12, transform }));
      })(),
    );

  test('of a picture that cannot be decoded', async () => {
    const root = await folder();
    writeFileSync(join(root, 'dog/4.png'), (await png(9)).subarray(0, 60));
    const error = await errorOf(root, 2);
    expect(error).toEqual(await errorOf(root, 0));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(/dog\/4\.png \(picture \d+ of 12 in .+\) cannot be decoded: .+ with skipBroken/);
  });

  test('of a picture that is gone', async () => {
    const root = await folder();
    const at = (workers: number) =>
      failure(
        (async () => {
          const dataset = subset(await open(root, workers), Int32Array.of(0), 'one');
          writeFileSync(join(root, 'gone'), '');
          execFileSync('rm', ['-rf', join(root, 'cat'), join(root, 'dog')]);
          for await (const _ of batches(dataset, { batchSize: 1, transform: evalTransform(preprocessing) }));
        })(),
      );
    const error = await at(1);
    expect(error.code).toBe('missing');
    expect(error.message).toMatch(/cat\/1\.png \(picture 0 of 12 in .+\) does not exist/);
  });

  test('of a picture that the transform refuses', async () => {
    const root = await folder();
    writeFileSync(join(root, 'dog/4.png'), await png(1, 1, 400_000));
    const wide = evalTransform({ ...preprocessing, inputSize: [3, 224, 224] });
    const error = await errorOf(root, 2, wide);
    expect(error).toEqual(await errorOf(root, 0, wide));
    expect(error.message).toMatch(/, picture \d+: resize: 1x400000 to .+ crop the picture/);
  });

  test('of too many pixels', async () => {
    const root = await folder();
    writeFileSync(join(root, 'cat/3.png'), blackPng(16_383));
    expect((await errorOf(root, 1)).message).toMatch(/cat\/3\.png .+ more than the limit of 89478485/);
  });
});

test('a number of threads that is none is an error', async () => {
  expect(await failure(open(await folder(), 1.5))).toMatchObject({ code: 'bad-argument' });
});

describe('a process ends by itself', async () => {
  const run = (root: string, body: string): string => {
    const program = `
      import { openDataset } from '@peft/data/node';
      import { batches, evalTransform } from '@peft/data';
      const preprocessing = ${JSON.stringify(preprocessing)};
      const dataset = await openDataset(${JSON.stringify(root)}, 'all', { workers: 3 });
      const stream = batches(dataset, { batchSize: 2, transform: evalTransform(preprocessing) });
      ${body}`;
    const cwd = new URL('../..', import.meta.url).pathname;
    return execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd,
      encoding: 'utf8',
      timeout: 60_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  };

  test.each([
    ['after the last batch', "for await (const _ of stream); console.log('end');", 'end\n'],
    ['when the loop is left', "for await (const _ of stream) break; console.log('end');", 'end\n'],
    [
      'by exit while pictures are read',
      "stream.next(); setTimeout(() => { console.log('end'); process.exit(0); }, 70);",
      'end\n',
    ],
    ['by exit at once', "stream.next(); console.log('end'); process.exit(0);", 'end\n'],
  ])('%s', async (_, body, printed) => {
    const root = await folder();
    const started = performance.now();
    expect(run(root, body)).toBe(printed);
    expect(performance.now() - started).toBeLessThan(9_000); // threads that are idle linger for ten seconds
  });

  test('when reading fails', async () => {
    const root = await folder();
    writeFileSync(join(root, 'dog/4.png'), 'no picture');
    expect(() => run(root, 'for await (const _ of stream);')).toThrow(/cannot be decoded/);
  });
});
