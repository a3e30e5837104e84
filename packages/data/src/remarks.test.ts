import { expect, test } from 'vitest';
import { ten } from '../test/files.ts';
import { concat, type Dataset, remarks, subset } from './index.ts';

const picture = async () => ({ data: new Uint8Array(3), width: 1, height: 1 });

const withLeftOut = (...leftOut: [path: string, reason: string][]): Dataset => ({
  ...ten([], picture),
  leftOut: leftOut.map(([path, reason]) => ({ path, reason })),
});

test('says what was left out by reason, the most frequent first, in one line', () => {
  const dataset = withLeftOut(['a/1.heic', 'is HEIC'], ['a/notes.txt', 'is not a picture'], ['b/2.heic', 'is HEIC']);
  expect(remarks(dataset)).toEqual([
    'left out 3 files: "a/1.heic" and 1 more: is HEIC; "a/notes.txt": is not a picture',
  ]);
  expect(remarks(subset(dataset, Int32Array.of(0, 1, 2), 'part'))).toEqual(remarks(dataset));
  expect(remarks(concat([dataset, dataset], 'both'))[0]).toMatch(/^left out 6 files/);
  expect(remarks(ten([], picture))).toEqual([]);
});

test('names the classes without a picture', () => {
  expect(remarks(subset(ten([], picture), Int32Array.of(0, 3), 'part'))).toEqual([
    'no pictures of 2 of 3 classes: "b", "c"',
  ]);
});

test('lets no control character through', () => {
  const dataset: Dataset = {
    ...withLeftOut(['a\u001b[2J\n\u009b.png', 'is empty']),
    classes: ['a', 'b', 'c', '\u202ex\r'],
  };
  expect(remarks(dataset).join('')).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
});
