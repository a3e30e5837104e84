import { check } from './errors.ts';

/**
 * The first number that is infinite or NaN.
 *
 * A whole model passes through here, so the common case, that all are finite, is the fast one: zero times a finite number is zero, and
 * times any other it is NaN. Four sums, because each addition waits for the last one of its sum.
 */
export function nonFinite(values: ArrayLike<number>): number | undefined {
  const fours = values.length - (values.length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < fours; i += 4) {
    a += values[i]! * 0;
    b += values[i + 1]! * 0;
    c += values[i + 2]! * 0;
    d += values[i + 3]! * 0;
  }
  for (let i = fours; i < values.length; i++) a += values[i]! * 0;
  if (a + b + c + d === 0) return undefined;
  return Array.prototype.find.call(values, value => !Number.isFinite(value));
}

/**
 * Refuses numbers that would spread through every result: infinity and NaN.
 *
 * @param what what the numbers are, for the error
 * @throws PeftError `numerics` that names the first
 */
export function checkFinite(values: ArrayLike<number>, what: string): void {
  const found = nonFinite(values);
  check(found === undefined, 'numerics', () => `${what} holds ${found}; every number must be finite.`);
}
