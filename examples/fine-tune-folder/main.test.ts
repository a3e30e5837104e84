import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { paintDigits, runMain, temporaryFolder } from '@peft/run-example';
import { expect, test } from 'vitest';

test('it learns the pictures of a folder, and the saved adapter knows them', async () => {
  const folder = await temporaryFolder();
  await paintDigits(folder, 3, { train: 32, test: 20 });
  const [file] = await readdir(join(folder, 'test/1'));
  const adapter = join(folder, 'adapter');
  const printed = await runMain(import.meta.url, folder, join(folder, 'test/1', file), adapter);

  const accuracy = Number(/^accuracy (\S+) on 60 test pictures$/m.exec(printed)?.[1]);
  expect(accuracy).toBeGreaterThan(0.8); // a guess has 0.33
  expect(printed).toMatch(new RegExp(`${file}: 1, \\d+\\.\\d %`));
  expect(await readdir(adapter)).toContain('adapter_model.safetensors');
});

test('without a folder it says what it wants', async () => {
  await expect(runMain(import.meta.url)).rejects.toThrow('Usage: tsx main.ts FOLDER PICTURE');
});
