import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '@peft/run';
import { folderStore, openInputs } from '@peft/run/node';
import { paintDigits, runScript, temporaryFolder } from '@peft/run-example';
import { chromium } from 'playwright';
import { build, preview } from 'vite';
import { expect, test } from 'vitest';
import config from './vite.config.ts';

const root = fileURLToPath(new URL('.', import.meta.url));
const page = { ...config, root, configFile: false } as const; // Vite draws a random number to read the file itself
const executablePath = process.env.PEFT_CHROMIUM ?? '/usr/bin/chromium';
const missing = existsSync(executablePath)
  ? undefined
  : `there is no ${executablePath}, and PEFT_CHROMIUM names no other`;
const skipped = missing ? ` (skipped: ${missing})` : '';

test('without an adapter the backbone is exported, and the page is built with it', async () => {
  const folder = await temporaryFolder();
  const [publicDir, outDir] = [join(folder, 'public'), join(folder, 'dist')];
  expect(await runScript(import.meta.url, 'export.ts', '', publicDir)).toMatch(/model\.onnx: 10 classes, \d\.\d MB$/m);
  await build({ ...page, publicDir, build: { outDir, emptyOutDir: true }, logLevel: 'warn' });
  expect(await readdir(outDir)).toEqual(expect.arrayContaining(['index.html', 'model.json', 'model.onnx']));
});

test.skipIf(missing)(`the page knows a picture of a class that was trained${skipped}`, async () => {
  const folder = await temporaryFolder();
  await paintDigits(folder, 2, { train: 40, test: 1 });
  const adapter = join(folder, 'adapter');
  const recipe = { backbone: 'pico-vit', data: folder, method: 'lora', lr: 1e-2, steps: 20, batch: 8 };
  const inputs = await openInputs(recipe);
  for await (const event of run(recipe, { ...inputs, store: folderStore(adapter) }))
    if (event.type === 'done') expect(event.record.result.metrics.accuracy).toBe(1);
  await inputs.close();

  const [publicDir, outDir] = [join(folder, 'public'), join(folder, 'dist')];
  await runScript(import.meta.url, 'export.ts', adapter, publicDir);
  await build({ ...page, publicDir, build: { outDir, emptyOutDir: true }, logLevel: 'warn' });
  const server = await preview({ ...page, build: { outDir }, preview: { host: '127.0.0.1', port: 0 } });
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const tab = await browser.newPage();
    tab.setDefaultTimeout(120_000); // on a busy machine
    await tab.goto(server.resolvedUrls?.local[0] ?? '');
    await tab.getByText('Choose a picture.').waitFor();
    for (const digit of ['0', '1']) {
      const [file] = await readdir(join(folder, 'test', digit));
      await tab.getByLabel('A picture:').setInputFiles(join(folder, 'test', digit, file));
      await tab.getByText(new RegExp(`^${digit}: [5-9]\\d\\.\\d %|^${digit}: 100\\.0 %`)).waitFor();
    }
    await tab.getByLabel('A picture:').setInputFiles(join(root, 'README.md'));
    await tab.getByText(/^README\.md .* cannot be decoded/).waitFor();
  } finally {
    await browser.close();
    await server.close();
  }
});
