import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { runMain, temporaryFolder } from '@peft/run-example';
import { expect, test } from 'vitest';

test('two adapters are trained, saved and loaded as one', async () => {
  const out = await temporaryFolder();
  const printed = await runMain(import.meta.url, out);
  const measured = (of: string) => new RegExp(`^${of}: accuracy (\\S+), loss (\\S+)$`, 'm').exec(printed)?.slice(1);
  const [accuracy, loss] = measured('both') ?? [];
  expect(Number(accuracy)).toBeGreaterThan(0.5);
  expect(measured('loaded mlp and attention')).toEqual([accuracy, loss]);
  expect(measured('mlp alone')?.[1]).not.toBe(loss); // the other one has a part in it
  expect(measured('attention by half')?.[1]).not.toBe(loss);
  await Promise.all(['mlp', 'attention'].map(name => access(join(out, name, 'adapter_model.safetensors'))));
});
