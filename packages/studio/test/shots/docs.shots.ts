import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { writeDigits } from '../browser/digits.ts';
import { goTo, inPhase, openWith, type Studio, startStudio, unavailable } from '../browser/studio.ts';
import { folder, settle } from './shoot.ts';

const recipe = {
  ...{ method: 'heat', stack: { lily: { method: 'lily', targets: ['mlp.fc1', 'mlp.fc2'] } } },
  ...{ epochs: 6, keepBest: true },
};
const phone = { width: 390, height: 844 };
const desktop = { width: 1440, height: 1100 };

/** The pictures of docs/studio.md, before they are made WebP. */
describe.skipIf(unavailable)('pictures for the documentation', () => {
  let studio: Studio;
  let page: Page;
  let digits: string;
  beforeAll(async () => {
    await mkdir(folder, { recursive: true });
    digits = await mkdtemp(join(tmpdir(), 'peft-docs-'));
    await writeDigits(digits, 10, 1);
    studio = await startStudio();
    page = await openWith(studio, recipe);
    await page.setViewportSize(desktop);
    await page.emulateMedia({ reducedMotion: 'reduce' });
  });
  afterAll(async () => {
    await studio.close();
    await rm(digits, { recursive: true });
  });

  const picture = (of: Page | Locator, name: string) => of.screenshot({ path: join(folder, `docs-${name}.png`) });

  /** The same in the hand, in the dark. */
  async function onPhone(name: string): Promise<void> {
    await page.setViewportSize(phone);
    await page.emulateMedia({ colorScheme: 'dark' });
    await settle(page);
    await picture(page, `phone-${name}`);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(desktop);
    await settle(page);
  }

  test('training, judging, and the attention', async () => {
    await page.getByRole('button', { name: 'Try it' }).click();
    await inPhase(page, 'training');
    await page.locator('circle.accuracy').nth(3).waitFor({ timeout: 600_000 });
    await settle(page);
    await picture(page, 'train');
    await onPhone('train');
    await inPhase(page, 'done');
    await goTo(page, 'Use');
    await page.getByRole('region', { name: 'Take it away' }).waitFor();
    await page.getByRole('button', { name: '4 taken for 9' }).click();
    const seven = join(digits, '7');
    const [file = ''] = await readdir(seven);
    await page.getByLabel('A picture to classify').setInputFiles(join(seven, file));
    await page.getByTestId('prediction').waitFor();
    await settle(page);
    await picture(page, 'use');
    await onPhone('use');
    await page.getByLabel('Show where it looks').check();
    await page.getByText('softmax(q').waitFor();
    await settle(page);
    await picture(page.getByRole('region', { name: 'Attention before and after' }), 'attention');
    await goTo(page, 'Model');
    await page.getByRole('region', { name: 'Where the adapters sit' }).waitFor();
    await onPhone('model');
  });
});
