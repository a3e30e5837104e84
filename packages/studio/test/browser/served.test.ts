import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServedStudio, serveStudio } from '../../src/server/index.ts';
import { inPhase, type Studio, startStudio, unavailable } from './studio.ts';

describe.skipIf(unavailable)('the built page, as peft studio serves it', () => {
  let studio: Studio;
  let server: ServedStudio;
  let page: Page;
  const complaints: string[] = [];
  const asked: string[] = [];

  beforeAll(async () => {
    studio = await startStudio();
    server = await serveStudio({ port: 0 });
    page = await (await studio.browser.newContext()).newPage();
    page.on('console', message => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', error => complaints.push(error.message));
    page.on('request', request => asked.push(request.url()));
    await page.goto(`${server.url}#recipe=${encodeURIComponent('{"steps":12}')}`);
  });
  afterAll(async () => {
    await server.close();
    await studio.close();
  });

  test('is isolated, so that it may use threads', async () => {
    expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(true);
  });

  test('trains within its policy, and asks this server alone', async () => {
    await page.getByRole('button', { name: 'Try it' }).click();
    await inPhase(page, 'done');
    expect(complaints).toEqual([]);
    const elsewhere = asked.filter(url => !url.startsWith(server.url) && !/^(blob|data):/.test(url));
    expect(elsewhere).toEqual([]);
  });
});
