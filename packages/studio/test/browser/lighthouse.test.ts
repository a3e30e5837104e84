import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { loadavg } from 'node:os';
import lighthouse from 'lighthouse';
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
    const result = await lighthouse(served.url, {
      port,
      onlyCategories: ['performance', 'accessibility'],
      maxWaitForFcp: patience,
      maxWaitForLoad: patience,
    });
    if (!result) throw new Error('Lighthouse ended without a result.');
    const { categories, audits } = result.lhr;
    const number = (audit: string): number => audits[audit]?.numericValue ?? Number.NaN;
    const score = (category: string): number => Math.round(100 * (categories[category]?.score ?? Number.NaN));
    console.log(
      `Lighthouse ${result.lhr.lighthouseVersion}: performance ${score('performance')}, accessibility ${score('accessibility')}, ` +
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
