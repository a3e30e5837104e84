import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright';

const source = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const themes = ['light', 'dark'] as const;
const widths = [320, 1440] as const;

/** What axe finds in the page as it is, in both themes, narrow and wide: a line for each element. */
export async function violations(page: Page): Promise<string[]> {
  const found: string[] = [];
  const viewport = page.viewportSize();
  for (const colorScheme of themes) {
    for (const width of widths) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 900 });
      await page.evaluate(await source);
      const lines = await page.evaluate(async () => {
        const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
        const { violations: all } = await axe.run(document, { resultTypes: ['violations'] });
        return all.flatMap(({ id, nodes }) =>
          nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`),
        );
      });
      found.push(...lines.map(line => `${colorScheme}, ${width} px: ${line}`));
    }
  }
  if (viewport) await page.setViewportSize(viewport);
  return found;
}

/** What reaches beyond the window at 320 px, so that the page would scroll sideways. */
export async function overflowing(page: Page): Promise<string[]> {
  const viewport = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 700 });
  const found = await page.evaluate(() => {
    if (document.documentElement.scrollWidth <= window.innerWidth) return [];
    const wide = [...document.querySelectorAll('main *')].filter(
      element => element.getBoundingClientRect().right > window.innerWidth + 1,
    );
    return ['the page', ...wide.slice(0, 8).map(({ tagName, className }) => `${tagName} ${className}`)];
  });
  if (viewport) await page.setViewportSize(viewport);
  return found;
}
