import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goTo, openWith, type Studio, startStudio, unavailable } from './studio.ts';

describe.skipIf(unavailable)('a run that cannot be', () => {
  let studio: Studio;
  beforeAll(async () => {
    studio = await startStudio();
  });
  afterAll(() => studio.close());

  test('says what is kept of it, and leads to where the recipe is mended', async () => {
    const page = await openWith(studio, { method: 'lora', steps: 20, batch: 8, lr: 1e30 });
    await page.getByRole('button', { name: 'Try it' }).click();
    await page.locator('[data-phase=failed]').waitFor();
    const told = await page.getByRole('alert').textContent();
    expect(told).toContain('Your pictures and earlier runs are as they were');
    expect(told).not.toContain('checkpoint'); // none was due
    await goTo(page, 'Model');
    await page.getByLabel('r', { exact: true }).fill('0');
    await page.getByLabel('r', { exact: true }).press('Tab');
    await page.getByRole('alert').filter({ hasText: 'r is 0' }).waitFor();
    await goTo(page, 'Train');
    await page.getByText('r is 0').waitFor();
    await page.getByRole('button', { name: 'Go to Model' }).click();
    await page.getByRole('region', { name: 'What is trained' }).waitFor();
  });
});
