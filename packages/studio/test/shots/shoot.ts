import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright';

/** Where pictures are written. */
export const folder = new URL('../../__screenshots__/', import.meta.url).pathname;
const themes = ['light', 'dark'] as const;
/** A phone, a tablet and a desktop. */
const sizes = [
  { width: 390, height: 844 },
  { width: 1024, height: 768 },
  { width: 1440, height: 900 },
] as const;

/** Goes to the top, and waits until the panels that a place makes frame by frame are there. */
export async function settle(page: Page): Promise<void> {
  await page.mouse.move(0, 0);
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.evaluate(
    () =>
      new Promise<void>(resolve => {
        let frames = 0;
        const next = (): void => void (++frames > 12 ? resolve() : requestAnimationFrame(next));
        next();
      }),
  );
}

/** Writes the whole page as it is, in each size and theme, to `__screenshots__/NAME-WIDTH-THEME.png`. */
export async function shoot(page: Page, name: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const viewport = page.viewportSize();
  // The whole page is one window: the tabs at its lower edge stand at the end.
  await page.evaluate(() => document.querySelector<HTMLElement>('nav.tabs')?.style.setProperty('position', 'static'));
  for (const size of sizes) {
    await page.setViewportSize(size);
    for (const colorScheme of themes) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await settle(page);
      await page.screenshot({ path: join(folder, `${name}-${size.width}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.evaluate(() => document.querySelector<HTMLElement>('nav.tabs')?.style.removeProperty('position'));
  if (viewport) await page.setViewportSize(viewport);
}
