import { expect, test } from 'vitest';
import { checkFinite, nonFinite } from './finite.ts';

test('finds an infinity or NaN at any place', () => {
  for (const length of [1, 2, 3, 4, 5, 7, 8, 9]) {
    for (let at = 0; at < length; at++) {
      for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const values = new Float32Array(length).fill(1).fill(wrong, at, at + 1);
        expect(nonFinite(values)).toBe(wrong);
      }
    }
  }
});

test('names the first of several', () => {
  const values = [1, 2, 3, 4, 5, Number.NEGATIVE_INFINITY, Number.NaN, 8];
  expect(nonFinite(values)).toBe(Number.NEGATIVE_INFINITY);
  expect(() => checkFinite(values, 'The bias')).toThrow('The bias holds -Infinity; every number must be finite.');
});

test('accepts the largest, the smallest, zeros of both signs, and nothing at all', () => {
  const { MAX_VALUE, MIN_VALUE } = Number;
  expect(nonFinite([MAX_VALUE, -MAX_VALUE, MAX_VALUE, MAX_VALUE, MAX_VALUE, MIN_VALUE, 0, -0])).toBeUndefined();
  expect(nonFinite(new Float32Array())).toBeUndefined();
});
