import { check } from '@peft/core';

/**
 * @param what what the numbers are, for the error
 * @throws PeftError `numerics` if one is infinite or not a number
 */
export function checkFinite(values: Float32Array, what: string): void {
  const bad = values.findIndex(value => !Number.isFinite(value));
  check(bad < 0, 'numerics', () => `${what} holds ${values[bad]}, at number ${bad} of ${values.length}.`);
}
