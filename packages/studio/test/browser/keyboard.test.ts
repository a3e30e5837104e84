import type { Locator, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inPhase, numberIn, type Studio, startStudio, tabOf, unavailable } from './studio.ts';

/** Presses Tab until an element has the focus. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.first().waitFor();
  for (let presses = 0; presses < 150; presses++) {
    if (await target.first().evaluate(element => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`No Tab of 150 leads to ${target}.`);
}

/** Presses a button that Tab leads to. */
async function press(page: Page, target: Locator): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.press('Enter');
}

describe.skipIf(unavailable)('with the keyboard alone', () => {
  let studio: Studio;
  let page: Page;
  beforeAll(async () => {
    studio = await startStudio();
    page = await studio.open();
  });
  afterAll(() => studio.close());

  test('the sample is trained, paused, resumed and stopped', async () => {
    await press(page, page.getByRole('button', { name: 'Try it' }));
    await inPhase(page, 'training');
    await press(page, page.getByRole('button', { name: 'Pause' }));
    await inPhase(page, 'paused');
    await press(page, page.getByRole('button', { name: 'Resume' }));
    await inPhase(page, 'training');
    const step = page.locator('dt', { hasText: /^Step$/ }).locator('+ dd');
    const steps = async (): Promise<number> => numberIn(await step.textContent());
    await expect.poll(steps, { timeout: 300_000 }).toBeGreaterThan(60); // two epochs, long enough to have learned
    await press(page, page.getByRole('button', { name: 'Stop and test' }));
    await inPhase(page, 'done');
    expect(numberIn(await page.getByTestId('accuracy').textContent())).toBeGreaterThan(10);
  });

  test('a method is chosen, and an option of it', async () => {
    await press(page, tabOf(page, 'Model'));
    const before = await page.getByTestId('trainable').textContent();
    await tabTo(page, page.getByLabel('Method of the adapter default'));
    await page.keyboard.press('h'); // heat
    await expect.poll(() => page.getByTestId('trainable').textContent()).not.toBe(before);
  });

  test('pictures are chosen, moved through, deleted and brought back', async () => {
    await press(page, tabOf(page, 'Pictures'));
    const list = page.getByRole('listbox', { name: /^Pictures of/ });
    const count = async (): Promise<number> =>
      numberIn(
        await tabOf(page, 'Pictures')
          .textContent()
          .then(text => text?.replace(/^\D*/, '') ?? ''),
      );
    const before = await count();
    await tabTo(page, list);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Space');
    await page.getByText('1 picture chosen').waitFor();
    await page.keyboard.press('Delete');
    await expect.poll(count).toBe(before - 1);
    await page.keyboard.press('Control+z');
    await expect.poll(count).toBe(before);
  });

  test('a mistake of the matrix is opened', async () => {
    await press(page, tabOf(page, 'Use'));
    await press(page, page.getByRole('button', { name: / taken for / }));
    await page
      .getByRole('region', { name: / taken for / })
      .getByRole('img')
      .first()
      .waitFor();
  });
});
