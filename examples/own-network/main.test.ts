import { runMain } from '@peft/run-example';
import { expect, test } from 'vitest';

test('the adapter teaches the network what it did not know, and leaves what it knew', async () => {
  const printed = await runMain(import.meta.url);
  const accuracy = (of: string) => Number(new RegExp(`^${of}: (\\S+)$`, 'm').exec(printed)?.[1]);
  expect(accuracy('light on dark')).toBeGreaterThan(0.75);
  expect(accuracy('dark on light')).toBeLessThan(0.4);
  expect(accuracy('dark on light, adapted')).toBeGreaterThan(0.7);
  expect(accuracy('light on dark, without the adapter')).toBe(accuracy('light on dark'));
});
