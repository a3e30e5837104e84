import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Locator, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bmpOf } from '../../src/worker/bmp.ts';
import { type Studio, startStudio, unavailable } from './studio.ts';

/** A picture of one color, which no other number gives. */
async function picture(number: number, side = 16): Promise<Buffer> {
  const data = Uint8Array.from({ length: 3 * side * side }, (_, i) => (number >> (8 * (i % 3))) & 255);
  return Buffer.from(await bmpOf({ data, width: side, height: side }).arrayBuffer());
}

describe.skipIf(unavailable)('pictures', () => {
  let studio: Studio;
  let page: Page;
  let folder: string;
  let health: Locator;

  /** Writes pictures into folders of classes, from a number on. */
  async function write(files: Readonly<Record<string, number>>, first: number): Promise<void> {
    let number = first;
    for (const [path, count] of Object.entries(files)) {
      for (let i = 0; i < count; i++) {
        const file = join(folder, path, `${i}.bmp`);
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, await picture(number++));
      }
    }
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peft-pictures-'));
    studio = await startStudio();
    page = await studio.open();
    health = page.getByRole('complementary', { name: 'About the pictures' });
    await page.getByRole('button', { name: 'Use my own pictures' }).click();
  });
  afterAll(async () => {
    await studio.close();
    await rm(folder, { recursive: true });
  });

  test('a folder of classes brings its classes and parts; what is no picture is left out by name', async () => {
    await write({ 'pets/train/cat': 24, 'pets/train/dog': 24, 'pets/test/cat': 5, 'pets/test/dog': 6 }, 1000);
    await writeFile(join(folder, 'pets/train/cat/notes.jpg'), 'no picture');
    await page.getByLabel('A folder of pictures').setInputFiles(join(folder, 'pets'));
    await page.getByText('1 file was left out').waitFor();
    await page.getByText(/notes\.jpg.*it is not a picture/).waitFor();
    await health.getByText('59 pictures').waitFor();
    await health.getByText(/train 43 · validation 5 · test 11/).waitFor();
  });

  test('classes that are too small are pointed out, and stop training', async () => {
    await health.getByText(/At least 5 pictures are needed in each class: Class 1 \(0\), Class 2 \(0\)/).waitFor();
    expect(await page.getByRole('button', { name: 'Next: the model' }).isDisabled()).toBe(true);
    for (const name of ['Class 1', 'Class 2']) {
      await page
        .getByRole('complementary', { name: 'Classes' })
        .getByRole('button', { name: new RegExp(`^${name}`) })
        .click();
      await page.getByRole('button', { name: `Remove the class ${name}` }).click();
    }
    expect(await page.getByRole('button', { name: 'Next: the model' }).isDisabled()).toBe(false);
  });

  test('chosen pictures are moved by a key, deleted, and both are undone', async () => {
    await page.getByRole('complementary', { name: 'Classes' }).getByRole('button', { name: /^cat/ }).click();
    const grid = page.getByRole('listbox', { name: 'Pictures of cat' });
    await grid.getByRole('option').first().click();
    await grid
      .getByRole('option')
      .nth(2)
      .click({ modifiers: ['Shift'] });
    await page.getByText('3 pictures chosen').waitFor();
    await grid.press('2');
    await page.getByText('26 pictures', { exact: true }).waitFor();
    await grid.press('Control+a');
    await grid.press('Delete');
    await page.getByText('No pictures of “cat” yet.').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('29 pictures', { exact: true }).waitFor();
  });

  test('copies are found, and chosen by a click', async () => {
    const copies = [{ name: 'copy.bmp', mimeType: 'image/bmp', buffer: await picture(1000) }];
    await page.getByLabel('Picture files').setInputFiles(copies);
    await health.getByText('A picture is a copy of another').waitFor();
    await health.getByRole('button', { name: 'Choose it' }).click();
    await page.getByText('1 picture chosen').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
  });

  test('a project opens again from its zip', async () => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save as zip' }).click(),
    ]);
    const other = await studio.open();
    await other.getByRole('button', { name: 'Use my own pictures' }).click();
    await other
      .getByLabel('A project')
      .setInputFiles({ name: 'a.zip', mimeType: 'application/zip', buffer: Buffer.from('no zip') });
    await other.getByText(/The file is no zip.*The project here is as it was/).waitFor();
    await other.getByLabel('A project').setInputFiles(await download.path());
    await other.getByText('59 pictures').waitFor();
    await other.getByText(/train 43 · validation 5 · test 11/).waitFor();
  });

  test('the camera is recorded while a button is held, and a key', async () => {
    await page.getByRole('button', { name: 'Camera' }).click();
    const record = page.getByRole('button', { name: 'Hold to record' });
    await page.waitForFunction(() => (document.querySelector('video')?.videoWidth ?? 0) > 0);
    const count = async (): Promise<number> =>
      Number.parseInt((await health.getByText(/^[\d,]+ pictures$/).textContent()) ?? '', 10);
    const before = await count();
    await record.hover();
    await page.mouse.down();
    await page.getByText(/^Recording … [4-9]/).waitFor();
    await page.mouse.up();
    await expect.poll(count).toBeGreaterThanOrEqual(before + 4);
    const between = await count();
    await record.focus();
    await page.keyboard.down('Space');
    await page.getByText(/^Recording … [2-9]/).waitFor();
    await page.keyboard.up('Space');
    await expect.poll(count).toBeGreaterThanOrEqual(between + 2);
    await page.getByRole('button', { name: 'Camera' }).click();
    expect(await page.locator('video').count()).toBe(0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(count).toBe(before);
  });
});
