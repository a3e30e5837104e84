import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { loadavg } from 'node:os';
import lighthouse, { type Result } from 'lighthouse';
import { type Browser, chromium } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServedStudio, serveStudio } from '../../src/server/index.ts';
import { executablePath, patience, unavailable } from './studio.ts';

/** A port at which nothing listens yet. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** The audits whose numbers this test reads. */
const measured = ['largest-contentful-paint', 'cumulative-layout-shift', 'total-blocking-time'];

/**
 * Lighthouse's report on a page. On a busy machine its own trace can lack the first paint, and its audits then hold an
 * error in place of a number. Such a report says nothing of the page, so up to three are made.
 */
async function report(url: string, port: number): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    const result = await lighthouse(url, {
      port,
      onlyCategories: ['performance', 'accessibility'],
      maxWaitForFcp: patience,
      maxWaitForLoad: patience,
    });
    if (!result) throw new Error('Lighthouse ended without a result.');
    const errors = measured.flatMap(audit => result.lhr.audits[audit]?.errorMessage ?? []);
    if (!errors.length) return result.lhr;
    if (attempt === 3) throw new Error(`Lighthouse could not measure the page: ${errors.join(' ')}`);
    console.log(`Lighthouse could not measure the page, and tries again: ${errors.join(' ')}`);
  }
}

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
    const { lighthouseVersion, categories, audits } = await report(served.url, port);
    const number = (audit: string): number => audits[audit]?.numericValue ?? Number.NaN;
    const score = (category: string): number => Math.round(100 * (categories[category]?.score ?? Number.NaN));
    console.log(
      `Lighthouse ${lighthouseVersion}: performance ${score('performance')}, accessibility ${score('accessibility')}, ` +
        `LCP ${Math.round(number('largest-contentful-paint'))} ms, CLS ${number('cumulative-layout-shift').toFixed(3)}, ` +
        `TBT ${Math.round(number('total-blocking-time'))} ms; load ${loadavg()[0]?.toFixed(2)}`,
    );
    const failed = (categories.accessibility?.auditRefs ?? []).filter(({ id }) => {
      const { score: given } = audits[id] ?? {};
      return typeof given === 'number' && given < 1;
    });
    expect(failed.map(({ id }) => id)).toEqual([]);
    expect(score('accessibility')).toBe(100);
    expect(number('cumulative-layout-shift')).toBeLessThanOrEqual(0.05);
  });
});
