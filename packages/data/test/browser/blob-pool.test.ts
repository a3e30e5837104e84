import { imagenet, key, PeftError, type Preprocessing } from '@peft/core';
import { expect, test } from 'vitest';
import { batches } from '../../src/batches.ts';
import {
  type BlobPool,
  blobPool,
  decodeBlob,
  evalTransform,
  flipCropTransform,
  type PictureDataset,
} from '../../src/index.ts';

const preprocessing: Preprocessing = {
  ...imagenet,
  inputSize: [3, 24, 24],
  interpolation: 'bicubic',
  cropPct: 0.9,
  cropMode: 'center',
};

const names = ['444.jpg', 'exif.jpg', 'palette.png', 'alpha.png', 'lossless.webp', '420.jpg'];

const files = (): Promise<File[]> =>
  Promise.all(
    names.map(async name => {
      const answer = await fetch(new URL(`../fixtures/${name}`, import.meta.url));
      return new File([await answer.blob()], name);
    }),
  );

let made: Worker[] = [];

function makeWorker(): Worker {
  const worker = new Worker(new URL('./pictures.worker.ts', import.meta.url), { type: 'module' });
  made.push(worker);
  return worker;
}

/** The pictures as a dataset, which workers read if there is a pool. */
function datasetOf(blobs: readonly File[], pool?: BlobPool): PictureDataset {
  const labels = Int32Array.from(blobs, () => 0);
  return {
    name: 'files',
    size: blobs.length,
    classes: ['a', 'b'],
    labels: () => labels,
    picture: async index => decodeBlob(blobs[index]),
    prepared: pool && ((index, how) => pool.prepare(blobs[index], how)),
  };
}

async function collect(dataset: PictureDataset, transform = evalTransform(preprocessing)) {
  const found = [];
  for await (const batch of batches(dataset, { batchSize: 4, transform })) found.push(batch);
  return found;
}

test.each([1, 2, 3])('%i workers give the batches that this thread gives', async threads => {
  const blobs = await files();
  for (const transform of [evalTransform(preprocessing), flipCropTransform(preprocessing, key(5))]) {
    made = [];
    const pool = blobPool(makeWorker, threads);
    expect(await collect(datasetOf(blobs, pool), transform)).toEqual(await collect(datasetOf(blobs), transform));
    expect(made).toHaveLength(threads);
  }
});

test('errors are those of this thread', async () => {
  const [first] = await files();
  const broken = new File([first.slice(0, 200)], 'broken.jpg');
  const errorOf = async (pool?: BlobPool): Promise<unknown> =>
    collect(datasetOf([first, broken], pool)).catch((error: unknown) => error);
  const [there, here] = [await errorOf(blobPool(makeWorker, 2)), await errorOf()];
  expect(there).toBeInstanceOf(PeftError);
  expect(there).toMatchObject({ code: 'bad-file', message: (here as PeftError).message });
  expect((here as PeftError).message).toMatch(/^broken\.jpg /);
});

test('where a worker does not load, this thread does its work', async () => {
  const blobs = await files();
  const missing = () => new Worker(new URL('/nothing-here.js', location.href), { type: 'module' });
  const forbidden = (): Worker => {
    throw new Error('The policy forbids workers.');
  };
  for (const make of [missing, forbidden]) {
    expect(await collect(datasetOf(blobs, blobPool(make, 2)))).toEqual(await collect(datasetOf(blobs)));
  }
});
