import { key } from '@peft/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { failure } from '../test/errors.ts';
import { floats, labeled, numbered, tensorFile } from '../test/files.ts';
import { concat, type Dataset, subset } from './dataset.ts';
import { stratifiedSplit } from './split.ts';
import { tensorFileDataset, tensorFileOf } from './tensor-file.ts';

const open = (file: Parameters<typeof tensorFile>[0]): Promise<Dataset> =>
  tensorFileDataset(tensorFileOf(tensorFile(file), 'x'), 'x');

const raw = () => open({ images: numbered(4, 1, 1, 3), labels: labeled(0, 1, 0, 1) });
const ready = () => open({ images: floats([2, 3, 1, 1]), labels: labeled(0, 1) });

/** The first value of each. */
const firsts = (dataset: Dataset): Promise<number[]> =>
  Promise.all(
    Array.from({ length: dataset.size }, async (_, i) =>
      dataset.preprocessed ? (await dataset.tensor(i))[0] : (await dataset.picture(i)).data[0],
    ),
  );

test('a subset is refused if it names a picture that is not there, and refuses to give one', async () => {
  const refusal = expect.objectContaining({ code: 'bad-argument' });
  const pictures = await raw();
  expect(() => subset(pictures, Int32Array.of(0, pictures.size), 'part')).toThrow(refusal);
  const part = subset(pictures, Int32Array.of(0), 'part');
  if (part.preprocessed) throw new Error('These are pictures.');
  await expect(part.picture(1)).rejects.toThrow('part: picture 1 was asked for, of 1.');
  expect(() => concat([], 'none')).toThrow(refusal);
});

test('a subset has the pictures asked for, and their labels', async () => {
  const part = subset(await raw(), Int32Array.of(3, 0), 'part');
  expect([part.name, part.size, [...part.labels()], await firsts(part)]).toEqual(['part', 2, [1, 0], [3, 0]]);
  expect(await firsts(subset(await ready(), Int32Array.of(1), 'part'))).toEqual([Math.fround(0.3)]);
});

test('joined datasets follow each other', async () => {
  const joined = concat([await raw(), subset(await raw(), Int32Array.of(2), 'part')], 'both');
  expect([joined.size, [...joined.labels()], await firsts(joined)]).toEqual([5, [0, 1, 0, 1, 0], [0, 1, 2, 3, 2]]);
  expect(await firsts(concat([await ready(), await ready()], 'both'))).toEqual([0, 0.3, 0, 0.3].map(Math.fround));
  expect(await failure((async () => !joined.preprocessed && joined.picture(5))())).toMatchObject({
    code: 'bad-argument',
  });
});

test('datasets of other classes or of another kind do not join', async () => {
  const [pictures, tensors] = await Promise.all([raw(), ready()]);
  const one = await open({ images: numbered(1, 1, 1, 3), labels: labeled(0) });
  expect(() => concat([pictures, one], 'both')).toThrow(/other classes/);
  expect(() => concat([pictures, tensors], 'both')).toThrow(/pictures where the first has tensors/);
});

test('a split holds out the same part of each class and loses nothing', () => {
  const labels = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 80 });
  fc.assert(
    fc.property(labels, fc.double({ min: 0.05, max: 0.95, noNaN: true }), fc.nat(), (list, fraction, seed) => {
      const { held, rest } = stratifiedSplit(Int32Array.from(list), fraction, key(seed));
      expect([...held, ...rest].sort((a, b) => a - b)).toEqual(list.map((_, i) => i));
      for (const label of new Set(list)) {
        const count = list.filter(entry => entry === label).length;
        const expected = Math.min(count - 1, Math.round(count * fraction));
        expect([...held].filter(i => list[i] === label).length).toBe(expected);
      }
    }),
  );
});
