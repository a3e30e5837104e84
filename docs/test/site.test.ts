import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { freePort } from '@peft/vitest/free-port';
import { type Browser, chromium, type Page } from 'playwright';
import { serve } from 'vitepress';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { overflowing, violations } from '../../packages/studio/test/browser/accessible.ts';
import {
  failedAudits,
  lighthouseReport,
  numberOf,
  scoreOf,
  summaryOf,
} from '../../packages/studio/test/browser/lighthouse-report.ts';
import { executablePath, unavailable } from '../../packages/studio/test/browser/studio.ts';

describe.skipIf(unavailable)('the built site, in Chromium', () => {
  let url: string;
  let stop: () => void;
  let browser: Browser;
  let page: Page;
  /** Where Chromium listens to Lighthouse. */
  let port: number;
  beforeAll(async () => {
    const at = await freePort();
    const served = await serve({ root: fileURLToPath(new URL('..', import.meta.url)), port: at });
    stop = () => served.server?.close();
    url = `http://localhost:${at}`;
    port = await freePort();
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', `--remote-debugging-port=${port}`] });
    page = await browser.newPage();
  });
  afterAll(async () => {
    await browser.close();
    stop();
  });

  test.each([
    '/',
    '/getting-started',
    '/methods/',
    '/methods/heat',
    '/results',
    '/writing-a-method',
    '/api/@peft/lora',
  ])('everyone can use %s in both themes, at 320 and 1440 px', async path => {
    await page.goto(url + path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await overflowing(page)).toEqual([]);
  });

  test('the search finds a word of a page, and of the reference, with the network off', async () => {
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(url);
    const search = page.getByRole('button', { name: /^Search/ });
    await search.click();
    const results = page.locator('.VPLocalSearchBox .results');
    const type = (words: string) => page.getByRole('searchbox').fill(words);
    await type('knowledge checkpoint');
    await results.getByText('Pear').first().waitFor();
    await page.context().setOffline(true);
    await type('trainableSummary');
    await results.getByText('trainableSummary').first().waitFor();
    await page.context().setOffline(false);
  });

  test.each(['/', '/methods/lily'])('Lighthouse, on a phone: %s', async path => {
    const report = await lighthouseReport(url + path, port);
    console.log(`${path}: ${summaryOf(report)}; load ${loadavg()[0]?.toFixed(2)}`);
    expect(failedAudits(report)).toEqual([]);
    expect(scoreOf(report, 'accessibility')).toBe(100);
    expect(numberOf(report, 'cumulative-layout-shift')).toBeLessThanOrEqual(0.05);
  });
});
