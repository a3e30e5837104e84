import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { overflowing, violations } from './accessible.ts';
import { goTo, inPhase, openWith, type Studio, startStudio, unavailable } from './studio.ts';

describe.skipIf(unavailable)('every state is accessible in both themes, at 320 and 1440 px', () => {
  let studio: Studio;
  let page: Page;
  beforeAll(async () => {
    studio = await startStudio();
    page = await studio.open();
  });
  afterAll(() => studio.close());

  const check = async (): Promise<void> => {
    expect(await violations(page)).toEqual([]);
    expect(await overflowing(page)).toEqual([]);
  };

  test('the welcome', check);

  test('places without pictures', async () => {
    for (const place of ['Model', 'Train', 'Use'] as const) {
      await goTo(page, place);
      await check();
    }
  });

  test('classes without pictures', async () => {
    await goTo(page, 'Pictures');
    await page.getByRole('button', { name: 'Use my own pictures' }).click();
    await page.getByText('No pictures of').waitFor();
    await check();
  });

  test('training, and what comes of it', async () => {
    page = await openWith(studio, { method: 'heat', steps: 60 });
    await page.getByRole('button', { name: 'Try it' }).click();
    await inPhase(page, 'training');
    await check();
    await page.getByRole('button', { name: 'Stop and test' }).click();
    await inPhase(page, 'done');
    await check();
    await goTo(page, 'Use');
    await page
      .getByRole('button', { name: / taken for / })
      .first()
      .click();
    await check();
    const picture = fileURLToPath(new URL('heic/turned.heic', import.meta.url));
    await page.getByLabel('A picture to classify').setInputFiles(picture);
    await page.getByLabel('Show where it looks').check();
    await page.getByText('softmax(q').waitFor();
    await check();
  });

  test('pictures, chosen ones too', async () => {
    await goTo(page, 'Pictures');
    await page
      .getByRole('listbox', { name: /^Pictures of/ })
      .getByRole('option')
      .first()
      .click();
    await page.getByText('1 picture chosen').waitFor();
    await check();
  });

  test('the model with two methods', async () => {
    await goTo(page, 'Model');
    await page.getByRole('region', { name: 'Stack another method' }).getByRole('button', { name: 'pear' }).click();
    await page.getByRole('region', { name: 'Adapter pear' }).waitFor();
    await page.getByRole('button', { name: /^Hugging Face Hub/ }).click();
    await page.getByText('This leaves the page').waitFor();
    await check();
  });
});
