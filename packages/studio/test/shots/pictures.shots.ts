import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { writeDigits } from '../browser/digits.ts';
import { chooseFolder, goTo, type Studio, startStudio, unavailable } from '../browser/studio.ts';
import { shoot } from './shoot.ts';

describe.skipIf(unavailable)('pictures', () => {
  let studio: Studio;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peft-shots-'));
    studio = await startStudio();
  });
  afterAll(async () => {
    await studio.close();
    await rm(folder, { recursive: true });
  });

  test('the start, and places with nothing in them', async () => {
    const page = await studio.open();
    await shoot(page, 'start');
    await page.getByTestId('requests').click();
    await shoot(page, 'start-requests');
    await page.getByTestId('requests').click();
    for (const place of ['Model', 'Train', 'Use'] as const) {
      await goTo(page, place);
      await shoot(page, `empty-${place.toLowerCase()}`);
    }
    await goTo(page, 'Pictures');
    await page.getByRole('button', { name: 'Use my own pictures' }).click();
    await shoot(page, 'empty-classes');
  });

  test('own classes: copies, a class that is too small, a file that is no picture, chosen pictures, the camera', async () => {
    const page = await studio.open();
    await writeDigits(folder, 5, 60);
    await writeDigits(folder, 6, 3);
    for (const name of ['no picture.jpg', 'torn.png']) await writeFile(join(folder, '1', name), 'no picture');
    const [copied] = await readdir(join(folder, '0'));
    if (!copied) throw new Error('There are no digits.');
    for (const to of ['0', '2'])
      await writeFile(join(folder, to, 'copy.bmp'), await readFile(join(folder, '0', copied)));
    await chooseFolder(page, folder);
    await page.getByRole('complementary', { name: 'Classes' }).getByRole('button', { name: /^1/ }).click();
    await page.getByLabel('Name of the class').fill('Ones, some of them written with a foot');
    await page.getByLabel('Name of the class').press('Tab');
    await page.getByText('files were left out').waitFor();
    const options = page.getByRole('listbox', { name: /^Pictures of/ }).getByRole('option');
    for (const i of [1, 4, 5]) await options.nth(i).click();
    await shoot(page, 'pictures');
    await page.getByRole('button', { name: 'Camera' }).click();
    await page.waitForFunction(() => (document.querySelector('video')?.videoWidth ?? 0) > 0);
    await shoot(page, 'pictures-camera');
    await goTo(page, 'Train');
    await shoot(page, 'train-blocked');
  });
});
