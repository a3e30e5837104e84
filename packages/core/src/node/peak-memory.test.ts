import { expect, test } from 'vitest';
import { peakMemory } from './peak-memory.ts';

const megabyte = 2 ** 20;

test('grows with what the process holds, and stays when it is let go', () => {
  const before = peakMemory();
  let held: Uint8Array | undefined = new Uint8Array(400 * megabyte).fill(1);
  const during = peakMemory();
  expect(during - before).toBeGreaterThan(200 * megabyte);
  expect(during - before).toBeLessThan(600 * megabyte);
  expect(held.length).toBe(400 * megabyte);
  held = undefined;
  expect(peakMemory()).toBeGreaterThanOrEqual(during);
});
