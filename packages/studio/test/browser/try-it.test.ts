import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goTo, inPhase, numberIn, type Studio, startStudio, unavailable } from './studio.ts';

describe.skipIf(unavailable)('Try it', () => {
  let studio: Studio;
  let page: Page;
  beforeAll(async () => {
    studio = await startStudio();
    page = await studio.open();
  });
  afterAll(() => studio.close());

  test('one click trains LoRA on the digits, with a curve that moves', async () => {
    await page.getByRole('button', { name: 'Try it' }).click();
    await inPhase(page, 'training');
    await page.locator('circle.accuracy').first().waitFor({ timeout: 120_000 });
    expect(numberIn(await page.getByTestId('loss').textContent())).toBeGreaterThan(0);
  });

  test('it pauses with a checkpoint, and resumes', async () => {
    await page.getByRole('button', { name: 'Pause' }).click();
    await inPhase(page, 'paused');
    const before = await page.getByText(/^\d+ of 252$/).textContent();
    await page.waitForTimeout(500);
    expect(await page.getByText(/^\d+ of 252$/).textContent()).toBe(before);
    await page.getByRole('button', { name: 'Resume' }).click();
    await inPhase(page, 'training');
  });

  test('it ends with the accuracy on pictures that it has not seen', async () => {
    await inPhase(page, 'done');
    expect(numberIn(await page.getByTestId('accuracy').textContent())).toBeGreaterThan(70); // 75 to 79, by the seed
  });

  test('a cell of the confusion matrix opens its pictures, and a new picture is classified', async () => {
    await goTo(page, 'Use');
    await page.getByRole('button', { name: /^1 taken for 1/ }).click();
    await page.getByRole('region', { name: '1 taken for 1' }).getByRole('img').first().waitFor();
    const digit = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(28, 28);
      const context = canvas.getContext('2d');
      if (!context) throw new Error('There is no canvas.');
      context.fillRect(0, 0, 28, 28);
      context.fillStyle = 'white';
      context.fillRect(13, 4, 3, 20);
      return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
    });
    const file = { name: 'one.png', mimeType: 'image/png', buffer: Buffer.from(digit) };
    await page.getByLabel('A picture to classify').setInputFiles(file);
    await expect.poll(() => page.getByTestId('prediction').textContent(), { timeout: 60_000 }).toBe('1');
    await page
      .getByLabel('A picture to classify')
      .setInputFiles(fileURLToPath(new URL('heic/turned.heic', import.meta.url)));
    const shown = page.getByRole('img', { name: 'What is classified' });
    await expect.poll(() => shown.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(64);
  });

  test('the attention to its patches is drawn before and after training, of the block that is asked for', async () => {
    await page.getByLabel('Show where it looks').check();
    const panel = page.getByRole('region', { name: 'Attention before and after' });
    const before = panel.getByRole('img', { name: /^Before, the frozen model\. The strongest patch is row \d/ });
    const after = panel.getByRole('img', { name: /^After, with the adapter/ });
    await before.waitFor();
    const shares = async (): Promise<number> => {
      const titles = await before.locator('title').allTextContents();
      expect(titles).toHaveLength(64);
      return titles.reduce((sum, title) => sum + numberIn(title.slice(title.indexOf(':') + 1)), 0);
    };
    const onPatches = numberIn(
      await panel
        .getByText(/on patches$/)
        .first()
        .textContent(),
    );
    expect(Math.abs((await shares()) - onPatches)).toBeLessThan(4); // 64 rounded numbers
    const last = await after.innerHTML();
    await panel.getByLabel('Block').selectOption('0');
    await panel.getByText(/of block 0,/).waitFor();
    expect(await after.innerHTML()).not.toBe(last);
    await page.getByLabel('Show where it looks').uncheck();
  });

  test('a run by another method stands beside it, and both are asked', async () => {
    await goTo(page, 'Model');
    const before = await page.getByTestId('trainable').textContent();
    await page.getByLabel('Method of the adapter default').selectOption('heat');
    await expect.poll(() => page.getByTestId('trainable').textContent()).not.toBe(before);
    await goTo(page, 'Train');
    await page.getByText(/^\d+ more options$/).click();
    await page.getByLabel('steps', { exact: true }).fill('12');
    await page.getByLabel('steps', { exact: true }).press('Tab');
    await page.getByRole('button', { name: 'Train again' }).click();
    await inPhase(page, 'preparing');
    await inPhase(page, 'done');
    await goTo(page, 'Use');
    await page.getByText('2 runs, side by side').waitFor();
    await page.getByLabel('Ask all 2 runs').check();
    await expect.poll(() => page.getByTestId('prediction').count(), { timeout: 60_000 }).toBe(2);
  });
});
