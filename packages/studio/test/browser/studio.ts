import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright';
import { type Served, serve } from './serve.ts';

/** Where Chromium is. */
export const executablePath = process.env.PEFT_CHROMIUM ?? '/usr/bin/chromium';
const app = new URL('../../dist/app', import.meta.url).pathname;

/** How long an element may keep a test waiting, in ms, on a busy machine. */
export const patience = 120_000;

/** Why the page cannot be tested here; nothing if it can. */
export const unavailable: string | undefined = existsSync(executablePath)
  ? undefined
  : `there is no ${executablePath}, and PEFT_CHROMIUM names no other`;

if (unavailable) console.warn(`Tests of the page are skipped: ${unavailable}.`);

const args = ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

/** The built studio behind a plain host, in Chromium. */
export interface Studio {
  readonly served: Served;
  readonly browser: Browser;
  /** Opens it in a profile of its own; an error of the page fails the test that opened it. */
  open(options?: BrowserContextOptions): Promise<Page>;
  close(): Promise<void>;
}

/** @param flags further ones of Chromium */
export async function startStudio(flags: readonly string[] = []): Promise<Studio> {
  const served = await serve(app);
  const browser = await chromium.launch({ executablePath, args: [...args, ...flags] });
  const errors: Error[] = [];
  return {
    served,
    browser,
    async open(options = {}) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
      context.setDefaultTimeout(patience);
      const page = await context.newPage();
      page.on('pageerror', error => errors.push(error));
      await page.goto(served.url);
      if (options.serviceWorkers !== 'block') await page.waitForFunction(() => globalThis.crossOriginIsolated);
      await page.getByRole('heading', { level: 1 }).waitFor();
      return page;
    },
    async close() {
      await browser.close();
      await served.close();
      if (errors.length > 0) throw new AggregateError(errors, 'The page threw.');
    },
  };
}

/** The address that gives it a recipe. */
export const addressOf = ({ served }: Studio, recipe: object): string =>
  `${served.url}#recipe=${encodeURIComponent(JSON.stringify(recipe))}`;

/** Opens it with a recipe in its address. */
export async function openWith(studio: Studio, recipe: object): Promise<Page> {
  const page = await studio.open();
  await page.goto(addressOf(studio, recipe));
  await page.reload();
  await page.getByRole('heading', { level: 1 }).waitFor();
  return page;
}

export type PlaceTitle = 'Pictures' | 'Model' | 'Train' | 'Use';

/** The tab of a place. */
export const tabOf = (page: Page, place: PlaceTitle): Locator =>
  page
    .getByRole('navigation', { name: 'Places' })
    .getByRole('button', { name: new RegExp(`^${place}`) })
    .filter({ visible: true });

/** Goes to a place by its tab. */
export const goTo = (page: Page, place: PlaceTitle): Promise<void> => tabOf(page, place).click();

/** Opens a folder of classes in the place of none. */
export async function chooseFolder(page: Page, folder: string): Promise<void> {
  await goTo(page, 'Pictures');
  await page.getByRole('button', { name: 'Use my own pictures' }).click();
  await page.getByLabel('A folder of pictures').setInputFiles(folder);
  const classes = page.getByRole('complementary', { name: 'Classes' });
  await classes.getByRole('button').nth(2).waitFor();
  for (const name of ['Class 1', 'Class 2']) {
    await classes.getByRole('button', { name: new RegExp(`^${name}`) }).click();
    await page.getByRole('button', { name: `Remove the class ${name}` }).click();
  }
}

/** Waits until training is in a phase; throws if it fails before. */
export async function inPhase(page: Page, phase: string): Promise<void> {
  const reached = page.locator(`[data-phase=${phase}], [data-phase=failed]`);
  await reached.waitFor({ timeout: 300_000 });
  if ((await reached.getAttribute('data-phase')) === phase) return;
  throw new Error(`Training failed: ${await page.getByRole('alert').allTextContents()}`);
}

/** The number in a text such as `72.4 %`. */
export const numberIn = (text: string | null): number => Number.parseFloat((text ?? '').replaceAll(',', ''));
