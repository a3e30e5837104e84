import { loadavg } from 'node:os';
import { freePort } from '@peft/vitest/free-port';
import { type Browser, chromium } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServedStudio, serveStudio } from '../../src/server/index.ts';
import { failedAudits, lighthouseReport, numberOf, scoreOf, summaryOf } from './lighthouse-report.ts';
import { executablePath, unavailable } from './studio.ts';

describe.skipIf(unavailable)('Lighthouse, on a phone', () => {
  let served: ServedStudio;
  let browser: Browser;
  /** Where Chromium listens to Lighthouse. */
  let port: number;
  beforeAll(async () => {
    served = await serveStudio({ port: 0 });
    port = await freePort();
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', `--remote-debugging-port=${port}`] });
  });
  afterAll(async () => {
    await browser.close();
    await served.close();
  });

  test('everyone can use the page, and nothing in it jumps', async () => {
    const report = await lighthouseReport(served.url, port);
    console.log(`${summaryOf(report)}; load ${loadavg()[0]?.toFixed(2)}`);
    expect(failedAudits(report)).toEqual([]);
    expect(scoreOf(report, 'accessibility')).toBe(100);
    expect(numberOf(report, 'cumulative-layout-shift')).toBeLessThanOrEqual(0.05);
  });
});
