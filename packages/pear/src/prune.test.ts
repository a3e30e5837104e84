import { key } from '@peft/core';
import { describe, expect, test } from 'vitest';
import { leastImportant, type Pairing, pruneAndShare, prunedCount } from './prune.ts';

test.each([
  [0, 12, 0],
  [0.25, 12, 3],
  [0.5, 12, 6],
  [0.5, 5, 3],
  [0.3, 5, 2],
  [0.1, 4, 0],
  [0.5, 1, 0],
  [0.99, 2, 1],
  [0.9, 10, 9],
])('of a ratio of %d and %i positions, %i are pruned', (ratio, n, m) => expect(prunedCount(ratio, n)).toBe(m));

test('the least important are pruned; of equals, the first', () => {
  expect(leastImportant([3, 1, 2, 5, 0.5, 1], 3)).toEqual([1, 4, 5]);
  expect(leastImportant([1, 1, 1, 1], 2)).toEqual([0, 1]);
  expect(leastImportant([0, 1], 0)).toEqual([]);
});

/** pi as pairs of a pruned position and its donor: `1<0 2<3`. */
const pairs = (importance: number[], ratio: number, pairing: Pairing, seed = 1): string =>
  [...pruneAndShare(importance, { ratio, pairing }, key(seed))].map(pair => pair.join('<')).join(' ');

describe('half of eight positions: 1, 2, 5 and 6 are pruned, and all that are kept are donors', () => {
  const importance = [8, 1, 2, 7, 5, 4, 3, 6];

  test.each<[Pairing, string]>([
    // 1 has 0 beside it, and 2 then 3; 5 has 4, which leaves 7 for 6
    ['nearest', '1<0 2<3 5<4 6<7'],
    // by importance: 5, 6, 2, 1 take from 0, 3, 7, 4
    ['rank', '1<4 2<7 5<0 6<3'],
    ['top1', '1<0 2<0 5<0 6<0'],
  ])('%s', (pairing, expected) => expect(pairs(importance, 0.5, pairing)).toEqual(expected));
});

describe('a quarter of eight: 1 and 2 are pruned, and the best two of six are donors, 0 and 7', () => {
  const importance = [8, 1, 2, 3, 4, 5, 6, 7];

  test.each<[Pairing, string]>([
    ['nearest', '1<0 2<7'],
    ['rank', '1<7 2<0'],
    ['top1', '1<0 2<0'],
  ])('%s', (pairing, expected) => expect(pairs(importance, 0.25, pairing)).toEqual(expected));
});

describe('three quarters of eight: 2 and 5 are kept, and are taken round by round', () => {
  const importance = [1, 2, 9, 3, 4, 8, 5, 6];

  test.each<[Pairing, string]>([
    // each round has 2 and 5: 0 takes 2, which leaves 5 for 1; 3 takes 2 and 4 takes 5; 6 takes 5, which leaves 2 for 7
    ['nearest', '0<2 1<5 3<2 4<5 6<5 7<2'],
    // by importance: 7, 6, 4, 3, 1, 0 take from 2, 5, 2, 5, 2, 5
    ['rank', '0<5 1<2 3<5 4<2 6<5 7<2'],
    ['top1', '0<2 1<2 3<2 4<2 6<2 7<2'],
  ])('%s', (pairing, expected) => expect(pairs(importance, 0.75, pairing)).toEqual(expected));
});

test('of donors as near, and of positions as important, the first comes first', () => {
  expect(pairs([5, 5, 0, 5, 5], 0.2, 'nearest')).toEqual('2<0'); // one donor, the first of equals
  expect(pairs([5, 9, 0, 9, 5, 0], 1 / 3, 'nearest')).toEqual('2<1 5<3');
  expect(pairs([1, 1, 1, 1], 0.5, 'rank')).toEqual('0<2 1<3');
});

test('at random, each donor is taken in turn, in an order that the seed gives', () => {
  const importance = [1, 2, 3, 4, 50, 60, 70, 80];
  const orders = [1, 2, 3, 4, 5].map(seed => pairs(importance, 0.5, 'random', seed));
  for (const order of orders) {
    const found = order.split(' ').map(pair => pair.split('<'));
    expect(found.map(([pruned]) => pruned)).toEqual(['0', '1', '2', '3']);
    expect(found.map(([, donor]) => donor).sort()).toEqual(['4', '5', '6', '7']);
  }
  expect(new Set(orders).size).toBeGreaterThan(1);
  expect(pairs(importance, 0.5, 'random', 3)).toEqual(orders[2]);
});

test('of a ratio of zero, or one position, nothing is pruned', () => {
  expect(pairs([3, 1, 2], 0, 'nearest')).toBe('');
  expect(pairs([3], 0.5, 'rank')).toBe('');
});
