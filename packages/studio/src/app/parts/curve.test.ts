import { expect, test } from 'vitest';
import { pathOf, roundUp, smoothed } from './curve.ts';

test('few losses are drawn as they are, many as means', () => {
  expect(smoothed([3, 1])).toEqual([
    { x: 1, y: 3 },
    { x: 2, y: 1 },
  ]);
  const many = smoothed(Array.from({ length: 480 }, (_, i) => i));
  expect(many).toHaveLength(240);
  expect(many[0]).toEqual({ x: 1.5, y: 0.5 });
});

test.each([
  [0, 1],
  [0.3, 0.4],
  [2.1, 4],
  [5, 6],
  [70, 80],
])('%d is below %d', (value, round) => {
  expect(roundUp(value)).toBe(round);
});

test('a path goes from point to point', () => {
  expect(
    pathOf([
      { x: 0, y: 1 },
      { x: 2, y: 3.25 },
    ]),
  ).toBe('M0.0 1.0L2.0 3.3');
});
