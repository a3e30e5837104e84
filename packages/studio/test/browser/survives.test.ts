import { readFile } from 'node:fs/promises';
import { unzipSync } from 'fflate';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBareTab } from './bare-tab.ts';
import { addressOf, goTo, inPhase, openWith, type Studio, startStudio, unavailable } from './studio.ts';

const recipe = { steps: 18, checkpointEvery: 6, batch: 16 };

/** The losses in the record of the run that is shown. */
async function lossesOf(page: Page): Promise<number[]> {
  await goTo(page, 'Use');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('region', { name: 'Take it away' }).getByRole('button', { name: 'Adapter' }).click(),
  ]);
  const record = unzipSync(await readFile(await download.path()))['run.json'];
  return JSON.parse(new TextDecoder().decode(record)).result.losses;
}

describe.skipIf(unavailable)('the studio survives', () => {
  let studio: Studio;
  beforeAll(async () => {
    studio = await startStudio();
  });
  afterAll(() => studio.close());

  const tryIt = (page: Page): Promise<void> => page.getByRole('button', { name: 'Try it' }).click();

  test('a reload: the run goes on to the losses of one that never stopped, and nothing leaves the page', async () => {
    const whole = await openWith(studio, recipe);
    const asked: string[] = [];
    whole.context().on('request', request => asked.push(request.url()));
    await tryIt(whole);
    await inPhase(whole, 'done');
    expect(asked.filter(url => !url.startsWith(studio.served.url) && !url.startsWith('blob:'))).toEqual([]);
    expect(await whole.getByTestId('requests').textContent()).toBe('0 requests');
    const expected = await lossesOf(whole);
    expect(expected).toHaveLength(18);

    const page = await openWith(studio, recipe);
    await tryIt(page);
    await page.getByText(/^([7-9]|1\d) of 18$/).waitFor({ timeout: 120_000 });
    await page.reload();
    await page.getByText(/A run was interrupted at step (6|12)\./).waitFor();
    await page.getByRole('button', { name: 'Go on' }).click();
    await inPhase(page, 'done');
    expect(await lossesOf(page)).toEqual(expected);
    await page.reload();
    await goTo(page, 'Use');
    await page.getByRole('region', { name: 'Confusion matrix' }).waitFor();
  });

  test('another tab in front: it goes on, and comes to the same numbers', async () => {
    const inFront = await openWith(studio, recipe);
    await tryIt(inFront);
    await inPhase(inFront, 'done');
    const text = (id: string): string => `document.querySelector('[data-testid=${id}]')?.textContent`;

    const tab = await openBareTab(studio.browser, addressOf(studio, recipe));
    const patient = { timeout: 120_000 };
    const tryButton = `[...document.querySelectorAll('button')].find(button => button.textContent.includes('Try it'))`;
    await expect
      .poll(() => tab.evaluate(`globalThis.crossOriginIsolated && Boolean(${tryButton})`), patient)
      .toBe(true);
    await tab.evaluate(`${tryButton}.click()`);
    const phase = `document.querySelector('[data-phase]')?.dataset.phase`;
    await expect.poll(() => tab.evaluate(phase), patient).toBe('training');
    await tab.hide();
    await expect.poll(() => tab.evaluate('document.visibilityState')).toBe('hidden');
    await expect.poll(() => tab.evaluate(phase), patient).toBe('done');
    expect(await tab.evaluate('document.visibilityState')).toBe('hidden');
    for (const id of ['loss', 'accuracy'])
      expect(await tab.evaluate(text(id))).toBe(await inFront.getByTestId(id).textContent());
  });

  test('a policy that lets nothing out', async () => {
    const page = await studio.open();
    const refused = await page.evaluate(() =>
      fetch('https://example.org/').then(
        () => 'sent',
        (error: Error) => error.message,
      ),
    );
    expect(refused).toBe('Failed to fetch');
    const policy = await page.evaluate(() => document.querySelector('meta[http-equiv]')?.getAttribute('content'));
    expect(policy).toContain("connect-src 'self'");
  });

  test('a page that is not isolated: it trains on one thread', async () => {
    const page = await studio.open({ serviceWorkers: 'block' });
    await tryIt(page);
    await page.getByText(/onnxruntime-web \(wasm, 1 thread\)/).waitFor({ timeout: 60_000 });
    await inPhase(page, 'training');
    await page.getByRole('button', { name: 'Stop and test' }).click();
    await inPhase(page, 'done');
  });

  test('a full disk: it says so, and goes on training', async () => {
    const page = await openWith(studio, recipe);
    const session = await page.context().newCDPSession(page);
    const origin = new URL(studio.served.url).origin;
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
    await tryIt(page);
    await page.getByRole('alert').filter({ hasText: 'The browser has no more room' }).waitFor({ timeout: 60_000 });
    await inPhase(page, 'done');
  });

  test('no network, once its parts were used', async () => {
    const page = await openWith(studio, recipe);
    await tryIt(page);
    await inPhase(page, 'done');
    await page.context().setOffline(true);
    await page.reload();
    await goTo(page, 'Train');
    await page.getByRole('region', { name: 'Training' }).getByRole('button', { name: 'Train' }).click();
    await inPhase(page, 'done');
  });
});
