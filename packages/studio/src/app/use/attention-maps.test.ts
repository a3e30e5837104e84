import { expect, test } from 'vitest';
import { mapsOf } from './attention-maps.ts';

/** Two blocks of two heads, a class token and 1 x 2 patches. */
const seen = {
  picture: new Blob(),
  grid: [1, 2],
  depth: 2,
  heads: 2,
  others: 1,
  frozen: Float32Array.of(1, 0, 0, 1, 0, 0, 0.5, 0.25, 0.25, 0, 0.75, 0.25),
  adapted: Float32Array.of(0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0),
} as const;

test('the patches of a head, before and after', () => {
  expect(mapsOf(seen, 1, 0)).toEqual([
    { shares: [0.25, 0.25], onPatches: 0.5 },
    { shares: [0, 1], onPatches: 1 },
  ]);
});

test('the mean of all heads', () => {
  expect(mapsOf(seen, 1)).toEqual([
    { shares: [0.5, 0.25], onPatches: 0.75 },
    { shares: [0.5, 0.5], onPatches: 1 },
  ]);
});
