import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { goTo, inPhase, openWith, type Studio, startStudio, unavailable } from '../browser/studio.ts';
import { shoot } from './shoot.ts';

const recipe = { steps: 40, batch: 8, checkpointEvery: 5 };

describe.skipIf(unavailable)('messages', () => {
  let studio: Studio;
  let bare: Studio;
  beforeAll(async () => {
    studio = await startStudio();
    bare = await startStudio(['--disable-features=WebGPU', '--disable-gpu']);
  });
  afterAll(async () => {
    await studio.close();
    await bare.close();
  });

  const tryIt = (page: Page): Promise<void> => page.getByRole('button', { name: 'Try it' }).click();

  test('a page that is not isolated', async () => {
    const page = await studio.open({ serviceWorkers: 'block' });
    await tryIt(page);
    await page.getByText(/onnxruntime-web \(wasm, 1 thread\)/).waitFor();
    await shoot(page, 'message-not-isolated');
    await page.context().close();
  });

  test('no WebGPU', async () => {
    const page = await openWith(bare, recipe);
    await goTo(page, 'Train');
    await page.getByLabel('Engine').selectOption({ label: 'WebGPU' });
    await goTo(page, 'Pictures');
    await tryIt(page);
    await page.getByText(/WebGPU is not here, or was lost/).waitFor();
    await inPhase(page, 'done');
    await page.getByText(/^\d+ notes? of this run$/).click();
    await shoot(page, 'message-no-webgpu');
    await page.context().close();
  });

  test('a full disk', async () => {
    const page = await openWith(studio, recipe);
    const session = await page.context().newCDPSession(page);
    const origin = new URL(studio.served.url).origin;
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
    await tryIt(page);
    await page.getByRole('alert').filter({ hasText: 'The browser has no more room' }).waitFor();
    await shoot(page, 'message-full-disk');
    await page.context().close();
  });

  test('a run that a reload interrupted', async () => {
    const page = await openWith(studio, recipe);
    await tryIt(page);
    await page.getByText(/^([7-9]|1\d) of 40$/).waitFor();
    await page.reload();
    await page.getByText(/A run was interrupted at step/).waitFor();
    await shoot(page, 'message-interrupted');
    await page.context().close();
  });

  test('a run that fails, and an address that is no recipe', async () => {
    const page = await openWith(studio, { steps: 30, batch: 8, lr: 1e30 });
    await tryIt(page);
    await page.locator('[data-phase=failed], [data-phase=done]').waitFor();
    await shoot(page, 'message-failed');
    await page.goto(`${studio.served.url}#recipe=%7B%22epochs%22%3A`);
    await page.reload();
    await page.getByText(/The recipe in the address is not read/).waitFor();
    await shoot(page, 'message-bad-address');
    await page.context().close();
  });
});
