import { check } from './errors.ts';

/**
 * Refuses numbers that would spread through every result: infinity and NaN.
 *
 * @param what what the numbers are, for the error
 * @throws PeftError `numerics` that names the first
 */
export function checkFinite(values: Float32Array, what: string): void {
  const first = values.findIndex(value => !Number.isFinite(value));
  check(first < 0, 'numerics', () => `${what} holds ${values[first]}; every number must be finite.`);
}
