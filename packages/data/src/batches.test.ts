import { PeftError } from '@peft/core';
import { describe, expect, test } from 'vitest';
import { failure } from '../test/errors.ts';
import { floats, labeled, numbered, ten, tensorFile } from '../test/files.ts';
import { batches } from './batches.ts';
import type { PictureDataset } from './dataset.ts';
import type { Picture } from './picture.ts';
import { tensorFileDataset, tensorFileOf } from './tensor-file.ts';
import type { Transform } from './transform.ts';

/** Ten pictures of one pixel, which is their index; the later ones come first. */
const pixels = (read: number[] = [], broken?: number): PictureDataset =>
  ten(read, async index => {
    await new Promise(resolve => setTimeout(resolve, 10 - index));
    if (index === broken) throw new Error(`picture ${index} is broken`);
    return { data: Uint8Array.of(index, 0, 0), width: 1, height: 1 };
  });

/** The pixel and the index that it was given, to see that they belong together. */
const transform: Transform = { height: 1, width: 1, apply: ({ data }, index) => Float32Array.of(data[0], index, 0.5) };

const pause = () => new Promise(resolve => setTimeout(resolve, 60));

describe('batches', () => {
  test('give every picture once, in order, with the rest at the end', async () => {
    const seen = [];
    for await (const batch of batches(pixels(), { batchSize: 4, transform })) seen.push(batch);
    expect(seen.map(({ images }) => images.shape)).toEqual([
      [4, 1, 1, 3],
      [4, 1, 1, 3],
      [2, 1, 1, 3],
    ]);
    expect(seen.flatMap(({ indices }) => [...indices])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(seen.flatMap(({ labels }) => [...labels.data])).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
    expect([...seen[2].images.data]).toEqual([8, 8, 0.5, 9, 9, 0.5]);
  });

  test('follow a given order and drop a last one that is not full', async () => {
    const seen = [];
    const order = Int32Array.of(9, 2, 2, 7, 0);
    for await (const batch of batches(pixels(), { batchSize: 2, transform, order, dropLast: true })) seen.push(batch);
    expect(seen.map(({ indices }) => [...indices])).toEqual([
      [9, 2],
      [2, 7],
    ]);
    expect(seen.map(({ labels }) => [...labels.data])).toEqual([
      [0, 2],
      [2, 1],
    ]);
    expect([...seen[1].images.data]).toEqual([2, 2, 0.5, 7, 7, 0.5]);
  });

  test('name the picture that a transform refuses', async () => {
    const apply = ({ data }: Picture): Float32Array => {
      if (data[0] === 3) throw new PeftError('bad-argument', 'resize: it is too narrow.');
      return new Float32Array(3);
    };
    const stream = batches(pixels(), { batchSize: 10, transform: { ...transform, apply } });
    expect(await failure(stream.next())).toEqual({
      code: 'bad-argument',
      message: 'ten, picture 3: resize: it is too narrow.',
    });
  });

  for (const prefetch of [0, 1, 3]) {
    test(`read ${prefetch} ahead while the caller works, and no more`, async () => {
      const read: number[] = [];
      const stream = batches(pixels(read), { batchSize: 2, transform, prefetch });
      await pause();
      expect(read).toEqual([]);
      await stream.next();
      await pause();
      expect(read.length).toBe(2 * (1 + prefetch));
      await stream.return();
    });
  }

  test('stop reading when the loop is left', async () => {
    const read: number[] = [];
    for await (const { indices } of batches(pixels(read), { batchSize: 2, transform, prefetch: 2 })) {
      expect([...indices]).toEqual([0, 1]);
      break;
    }
    const atEnd = read.length;
    await pause();
    expect(read.length).toBe(atEnd);
    expect(atEnd).toBeLessThan(6);
  });

  test('pass on what cannot be read, after the batches before it', async () => {
    const read: number[] = [];
    const seen: number[] = [];
    const reading = async () => {
      for await (const { indices } of batches(pixels(read, 5), { batchSize: 2, transform, prefetch: 3 }))
        seen.push(...indices);
    };
    await expect(reading()).rejects.toThrow('picture 5 is broken');
    expect(seen).toEqual([0, 1, 2, 3]);
    await pause();
    expect(Math.max(...read)).toBe(5);
  });

  test('of preprocessed tensors need no transform', async () => {
    const bytes = tensorFile({ images: floats([3, 3, 1, 2]), labels: labeled(0, 1, 0) });
    const dataset = await tensorFileDataset(tensorFileOf(bytes, 'x'), 'x');
    const { value } = await batches(dataset, { batchSize: 2 }).next();
    expect(value?.images.shape).toEqual([2, 1, 2, 3]);
    const expected = [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11].map(entry => Math.fround(entry / 10));
    expect([...(value?.images.data ?? [])]).toEqual(expected);
  });

  test('of raw tensors in memory are pictures', async () => {
    const bytes = tensorFile({ images: numbered(3, 1, 1, 1), labels: labeled(0, 1, 0) });
    const dataset = await tensorFileDataset(tensorFileOf(bytes, 'x'), 'x');
    const { value } = await batches(dataset, { batchSize: 3, transform }).next();
    expect([...(value?.images.data ?? [])]).toEqual([0, 0, 0.5, 1, 1, 0.5, 2, 2, 0.5]);
  });

  test('say what is wrong with their options', async () => {
    const first = (options: Parameters<typeof batches>[1]) => failure(batches(pixels(), options).next());
    expect((await first({ batchSize: 0, transform })).message).toContain('batchSize 0');
    expect((await first({ batchSize: 2 })).message).toContain('give a transform');
    const outside = await first({ batchSize: 2, transform, order: Int32Array.of(0, 10) });
    expect(outside).toEqual({ code: 'bad-argument', message: 'batches: order names picture 10, but ten has 10.' });
  });
});
