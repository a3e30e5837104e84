import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { writeDigits } from '../browser/digits.ts';
import { serve } from '../browser/serve.ts';
import { addressOf, goTo, inPhase, openWith, type Studio, startStudio, unavailable } from '../browser/studio.ts';
import { taken, unzip } from '../browser/taken.ts';
import { shoot } from './shoot.ts';

/** Each of the five methods shows its inside in one of these. */
const heatAndLily = {
  ...{ method: 'heat', stack: { lily: { method: 'lily', targets: ['mlp.fc1', 'mlp.fc2'] } } },
  ...{ epochs: 2, keepBest: true },
};
const loraNeatPear = {
  method: 'lora',
  stack: { neat: { method: 'neat', targets: ['mlp.fc1'] }, pear: { method: 'pear' } },
  epochs: 2,
};

describe.skipIf(unavailable)('training, and what comes of it', () => {
  let studio: Studio;
  let page: Page;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peft-shots-'));
    await writeDigits(folder, 10, 1);
    studio = await startStudio();
    page = await openWith(studio, heatAndLily);
    page.context().setDefaultTimeout(300_000); // an epoch
  });
  afterAll(async () => {
    await studio.close();
    await rm(folder, { recursive: true });
  });

  /** A picture of a digit, as a file. */
  async function digit(value: number) {
    const [name = ''] = await readdir(join(folder, String(value)));
    return { name, mimeType: 'image/bmp', buffer: await readFile(join(folder, String(value), name)) };
  }

  const tryIt = (of: Page): Promise<void> => of.getByRole('button', { name: 'Try it' }).click();
  /** After an epoch the inside of a method is shown. */
  const firstEpoch = (of: Page): Promise<void> => of.locator('circle.accuracy').first().waitFor();

  test('under way, paused, done', async () => {
    await tryIt(page);
    await inPhase(page, 'training');
    await shoot(page, 'train-start');
    await firstEpoch(page);
    await shoot(page, 'train-heat-lily');
    await page.getByRole('button', { name: 'Pause' }).click();
    await inPhase(page, 'paused');
    await shoot(page, 'train-paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await inPhase(page, 'done');
    await shoot(page, 'train-done');
  });

  test('judged and used', async () => {
    await goTo(page, 'Use');
    await page.getByRole('region', { name: 'Take it away' }).waitFor();
    await shoot(page, 'use');
    await page.getByRole('button', { name: / taken for / }).evaluateAll(buttons => {
      const wrong = buttons.filter(({ ariaLabel }) => !/^(.+) taken for \1:/.test(ariaLabel ?? ''));
      const counts = wrong.map(({ textContent }) => Number(textContent));
      (wrong[counts.indexOf(Math.max(...counts))] as HTMLButtonElement).click();
    });
    const file = await digit(7);
    await page.getByLabel('A picture to classify').setInputFiles(file);
    await page.getByTestId('prediction').waitFor();
    await page.getByLabel('Show where it looks').check();
    await page.getByText('softmax(q').waitFor();
    await shoot(page, 'use-classified');
    const broken = { name: 'broken.png', mimeType: 'image/png', buffer: Buffer.from('no picture') };
    await page.getByLabel('A picture to classify').setInputFiles(broken);
    await page.getByText(/is no picture/).waitFor();
    await shoot(page, 'use-broken');
    await page.getByLabel('A picture to classify').setInputFiles(file);
  });

  test('the page that is taken away', async () => {
    await unzip(await taken(page, 'Web page'), join(folder, 'page'));
    await shoot(page, 'use-taken');
    const served = await serve(join(folder, 'page'));
    try {
      const visitor = await (await studio.browser.newContext()).newPage();
      await visitor.goto(served.url);
      await visitor.getByText('Choose, drop or paste').waitFor();
      await shoot(visitor, 'ready');
      await visitor.locator('#file').setInputFiles(await digit(3));
      await visitor.locator('#results li').first().waitFor();
      await shoot(visitor, 'ready-classified');
    } finally {
      await served.close();
    }
  });

  test('a second run of three other methods, beside the first', async () => {
    await page.goto(addressOf(studio, loraNeatPear));
    await page.reload();
    await page.getByRole('heading', { level: 1 }).waitFor();
    await goTo(page, 'Train');
    await page.getByText(/^\d+ more options$/).click();
    await shoot(page, 'train-ready');
    await page.getByRole('region', { name: 'Training' }).getByRole('button', { name: 'Train' }).click();
    await firstEpoch(page);
    await shoot(page, 'train-lora-neat-pear');
    await inPhase(page, 'done');
    await shoot(page, 'train-done-lora-neat-pear');
    await goTo(page, 'Use');
    await page.getByText('2 runs, side by side').waitFor();
    await page.getByRole('button', { name: 'Camera' }).click();
    await page.getByLabel('Ask all 2 runs').check();
    await page.getByTestId('prediction').nth(1).waitFor();
    await shoot(page, 'use-two-runs');
  });
});
