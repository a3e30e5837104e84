import { runMain } from '@peft/run-example';
import { expect, test } from 'vitest';

test('a merged adapter changes the LayersModel and its file, and is taken out again', async () => {
  const printed = await runMain(import.meta.url);
  const accuracy = (of: string) => Number(new RegExp(`^${of}: (\\S+)$`, 'm').exec(printed)?.[1]);
  expect(accuracy('light on dark')).toBeGreaterThan(0.75);
  expect(accuracy('dark on light')).toBeLessThan(0.4);
  expect(accuracy('dark on light, merged')).toBeGreaterThan(0.7);
  expect(accuracy('dark on light, from the file')).toBe(accuracy('dark on light, merged'));
  expect(accuracy('light on dark, unmerged')).toBe(accuracy('light on dark'));
});
