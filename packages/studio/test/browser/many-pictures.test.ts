import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memoryOf } from './memory.ts';
import { pngOf } from './png.ts';
import { type Studio, startStudio, unavailable } from './studio.ts';

const count = 5000;
const side = 256;
const decoded = 4 * count * side * side;

const isLinux = process.platform === 'linux';
if (!isLinux) console.warn('The memory of pictures is not measured: only Linux tells that of processes.');

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

describe.skipIf(unavailable)('5,000 pictures', () => {
  let studio: Studio;
  let page: Page;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peft-many-'));
    for (const name of ['one', 'two']) await mkdir(join(folder, 'many', name), { recursive: true });
    for (let i = 0; i < count; i++) {
      const path = join(folder, 'many', i % 2 === 0 ? 'one' : 'two', `${i}.png`);
      await writeFile(path, pngOf(i * 3001, side));
    }
    studio = await startStudio();
    page = await studio.open();
    await page.getByRole('button', { name: 'Use my own pictures' }).click();
  });
  afterAll(async () => {
    await studio.close();
    await rm(folder, { recursive: true });
  });

  test('are not kept decoded, and drawn a few at a time', async () => {
    const before = isLinux ? await memoryOf(page, studio.browser) : undefined;
    await page.getByLabel('A folder of pictures').setInputFiles(join(folder, 'many'));
    const health = page.getByRole('complementary', { name: 'About the pictures' });
    await health.getByText('5,000 pictures').waitFor({ timeout: 300_000 });
    await page.getByRole('complementary', { name: 'Classes' }).getByRole('button', { name: /^one/ }).click();
    const grid = page.getByRole('listbox', { name: 'Pictures of one' });
    expect(await grid.getByRole('option').count()).toBeLessThan(200);
    await grid.press('End');
    await grid.locator('[role=option][aria-posinset="2500"]').waitFor();
    expect(await grid.getByRole('option').count()).toBeLessThan(200);
    if (!before) return;
    const after = await memoryOf(page, studio.browser);
    console.log(
      `5,000 pictures, ${megabytes(decoded)} if kept decoded: all processes ${megabytes(before.processes)} before and ` +
        `${megabytes(after.processes)} after, the page's own ${megabytes(before.page)} and ${megabytes(after.page)}`,
    );
    expect(after.processes - before.processes).toBeLessThan(decoded / 3);
    expect(after.page - before.page).toBeLessThan(decoded / 10);
  });
});
