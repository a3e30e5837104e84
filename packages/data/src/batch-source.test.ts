import { imagenet, type PictureBatch, type Preprocessing } from '@peft/core';
import { describe, expect, test } from 'vitest';
import { ten } from '../test/files.ts';
import { type BatchSourceOptions, batchSource, type Dataset } from './index.ts';

const preprocessing: Preprocessing = {
  ...imagenet,
  inputSize: [3, 4, 4],
  interpolation: 'bilinear',
  cropPct: 1,
  cropMode: 'center',
};
const options: BatchSourceOptions = { batch: 4, seed: 1, shuffle: true, dropLast: true, augment: 'none' };

/** Ten gray pictures of 4 x 4, each brighter than the one before. */
const grays = (read: number[] = []): Dataset =>
  ten(read, async index => ({ data: new Uint8Array(48).fill(20 * index), width: 4, height: 4 }));

async function collect(batches: AsyncIterable<PictureBatch>) {
  const found = [];
  for await (const { images, labels } of batches) found.push({ images: [...images.data], labels: [...labels.data] });
  return found;
}

describe('a source of batches', () => {
  test('shuffles each epoch in its own way, the same each time', async () => {
    const source = batchSource(grays(), preprocessing, options);
    expect(source).toMatchObject({ length: 2, size: [4, 4], batchSize: 4 });
    const [first, second] = [await collect(source.batches(0)), await collect(source.batches(1))];
    expect(first).not.toEqual(second);
    expect(await collect(batchSource(grays(), preprocessing, options).batches(0))).toEqual(first);
    expect([...source.order(0)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(first.flatMap(({ labels }) => labels)).toEqual([...source.order(0).subarray(0, 8)].map(index => index % 3));
  });

  test('needs no options: it shuffles whole batches of 32 by seed 0', async () => {
    const source = batchSource(grays(), preprocessing);
    expect(source).toMatchObject({ length: 1, batchSize: 10 });
    const same = batchSource(grays(), preprocessing, { ...options, batch: 32, seed: 0 });
    expect(await collect(source.batches(1))).toEqual(await collect(same.batches(1)));
  });

  test('goes on from the middle of an epoch', async () => {
    const source = batchSource(grays(), preprocessing, { ...options, augment: 'flip-crop' });
    const all = await collect(source.batches(3));
    expect(await collect(source.batches(3, 1))).toEqual(all.slice(1));
  });

  test('in order, gives every picture, the rest too', async () => {
    const source = batchSource(grays(), preprocessing, { ...options, shuffle: false, dropLast: false });
    expect(source.length).toBe(3);
    const labels = (await collect(source.batches(5))).map(batch => batch.labels);
    expect(labels.map(({ length }) => length)).toEqual([4, 4, 2]);
    expect(labels.flat()).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
  });

  test('reads each picture once, and makes no batch larger than the dataset', async () => {
    const read: number[] = [];
    const source = batchSource(grays(read), preprocessing, { ...options, batch: 99 });
    for (const epoch of [0, 1, 2]) expect(await collect(source.batches(epoch))).toHaveLength(1);
    expect(source.batchSize).toBe(10);
    expect(read.length).toBe(10);
  });
});
