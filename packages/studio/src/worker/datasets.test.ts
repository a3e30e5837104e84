import { expect, test } from 'vitest';
import { datasetsOf, partsOf } from './datasets.ts';
import type { LabeledPicture, Part } from './protocol.ts';

const picture = (label: number, part?: Part): LabeledPicture => ({
  blob: new Blob([`${label}`]),
  name: 'a',
  label,
  ...(part && { part }),
});

const count = (parts: readonly Part[], wanted: Part): number => parts.filter(part => part === wanted).length;

test('each class is split alike, by the seed', () => {
  const pictures = Array.from({ length: 100 }, (_, i) => picture(i < 50 ? 0 : 1));
  const parts = partsOf(pictures, 1);
  expect([count(parts, 'train'), count(parts, 'val'), count(parts, 'test')]).toEqual([72, 8, 20]);
  expect(count(parts.slice(0, 50), 'test')).toBe(10);
  expect(partsOf(pictures, 1)).toEqual(parts);
  expect(partsOf(pictures, 2)).not.toEqual(parts);
});

test('parts that are given stay, and are not drawn on', () => {
  const pictures = [...Array.from({ length: 20 }, () => picture(0)), picture(0, 'test'), picture(0, 'train')];
  const parts = partsOf(pictures, 1);
  expect(parts.slice(-2)).toEqual(['test', 'train']);
  expect([count(parts, 'val'), count(parts, 'test')]).toEqual([2, 1]);
});

test('the datasets have their pictures and labels, and tell them apart by content', async () => {
  const pictures = [picture(0, 'train'), picture(1, 'train'), picture(1, 'test'), picture(0, 'val')];
  const { train, val, test: held } = datasetsOf({ classes: ['a', 'b'], pictures }, 1);
  expect([[...train.labels()], [...val.labels()], [...held.labels()]]).toEqual([[0, 1], [0], [1]]);
  expect(await train.digest?.(1)).toBe(await held.digest?.(0));
  expect(await train.digest?.(0)).not.toBe(await train.digest?.(1));
});
