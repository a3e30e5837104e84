import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright';

const kilobytes = (text: string, field: string): number =>
  1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN);

/** What a page takes, in bytes. */
export interface Memory {
  /** The proportional share of memory of all processes of the browser, decoded pictures included. Linux alone tells. */
  readonly processes: number;
  /** The page and its workers, by the browser's own account. */
  readonly page: number;
}

/** Measures a page that is isolated, after garbage is collected. */
export async function memoryOf(page: Page, browser: Browser): Promise<Memory> {
  const inPage = await page.evaluate(async () => {
    const { performance: clock } = globalThis as unknown as {
      performance: { measureUserAgentSpecificMemory(): Promise<{ bytes: number }> };
    };
    return (await clock.measureUserAgentSpecificMemory()).bytes;
  });
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const shares = processInfo.map(async ({ id }) =>
    kilobytes(await readFile(`/proc/${id}/smaps_rollup`, 'utf8'), 'Pss'),
  );
  return { processes: (await Promise.all(shares)).reduce((sum, share) => sum + share, 0), page: inPage };
}
