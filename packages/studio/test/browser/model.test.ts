import { readFile } from 'node:fs/promises';
import { modelWeights } from '@peft/pico';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goTo, inPhase, numberIn, openWith, type Studio, startStudio, unavailable } from './studio.ts';

describe.skipIf(unavailable)('the model', () => {
  let studio: Studio;
  let page: Page;
  beforeAll(async () => {
    studio = await startStudio();
    page = await openWith(studio, { steps: 4, batch: 8 });
    await goTo(page, 'Model');
  });
  afterAll(() => studio.close());

  const trainable = async (): Promise<number> => numberIn(await page.getByTestId('trainable').textContent());
  const adapted = (block: string) => page.getByRole('group', { name: block, exact: true });

  test('options change the count and the drawing at once', async () => {
    const before = await trainable();
    await page.getByLabel('r', { exact: true }).fill('16');
    await page.getByLabel('r', { exact: true }).press('Tab');
    const head = before - 6 * 2 * 8 * 192;
    await expect.poll(trainable).toBe(head + 6 * 2 * 16 * 192);
    expect(await adapted('blocks.0.mlp').getByText('lora').count()).toBe(0);
    await page.getByText(/^\d+ more options$/).click();
    await page.getByLabel('targets', { exact: true }).fill('mlp.fc1');
    await page.getByLabel('targets', { exact: true }).press('Tab');
    await expect.poll(() => adapted('blocks.0.mlp').getByText('lora').count()).toBe(1);
  });

  test('an option that makes no sense is named, and training waits', async () => {
    await page.getByLabel('targets', { exact: true }).fill('mlp.fc3');
    await page.getByLabel('targets', { exact: true }).press('Tab');
    await page.getByRole('alert').filter({ hasText: 'mlp.fc1' }).waitFor();
    expect(await page.getByRole('button', { name: 'Next: train' }).isDisabled()).toBe(true);
    await page.getByLabel('targets', { exact: true }).fill('');
    await page.getByLabel('targets', { exact: true }).press('Tab');
    await expect.poll(() => page.getByRole('alert').count()).toBe(0);
  });

  test('methods are stacked', async () => {
    const before = await trainable();
    await page.getByRole('region', { name: 'Stack another method' }).getByRole('button', { name: 'lily' }).click();
    await expect.poll(trainable).toBeGreaterThan(before);
    await page.getByRole('button', { name: 'Remove the adapter lily' }).click();
    await expect.poll(trainable).toBe(before);
  });

  test("the user's file of weights is recognized and trained", async () => {
    const weights = page.getByLabel('A file of weights');
    await weights.setInputFiles({ name: 'a.safetensors', mimeType: '', buffer: Buffer.from('no weights') });
    await page.getByText(/The model is still pico-vit/).waitFor();
    await weights.setInputFiles({
      name: 'own.safetensors',
      mimeType: '',
      buffer: await readFile(modelWeights('pico-swin')),
    });
    await page.getByText('own.safetensors, 2.5 MB').waitFor({ timeout: 60_000 });
    await adapted('layers.2.blocks.1.attn').waitFor();
    await goTo(page, 'Pictures');
    await page.getByRole('button', { name: 'Try it' }).click();
    await inPhase(page, 'done');
    await page.getByText('lora on pico-swin').waitFor();
  });
});
