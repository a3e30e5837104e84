import { loadavg } from 'node:os';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inPhase, openWith, type PlaceTitle, type Studio, startStudio, tabOf, unavailable } from './studio.ts';

interface Seen {
  /** How long each task of over 50 ms took, in ms. */
  readonly tasks: number[];
  /** From each click or key to the next picture of the page, in ms, by interaction. */
  readonly interactions: Record<number, number>;
}

/** Watches the page's main thread from when it opens. */
function watch(): void {
  const seen: Seen = { tasks: [], interactions: {} };
  Object.assign(globalThis, { seen });
  new PerformanceObserver(list => seen.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
    type: 'longtask',
    buffered: true,
  });
  const short = { type: 'event', durationThreshold: 16, buffered: true };
  new PerformanceObserver(list => {
    for (const { interactionId, duration } of list.getEntries() as PerformanceEventTiming[])
      if (interactionId) seen.interactions[interactionId] = Math.max(duration, seen.interactions[interactionId] ?? 0);
  }).observe(short);
}

/** Where the tabs are. Playwright's own search for a button takes the page longer than what a click on it does. */
async function tabsOf(page: Page): Promise<Record<PlaceTitle, [x: number, y: number]>> {
  const places = ['Pictures', 'Model', 'Train', 'Use'] as const;
  const middles = places.map(async place => {
    const box = await tabOf(page, place).boundingBox();
    if (!box) throw new Error(`${place} has no place.`);
    return [place, [box.x + box.width / 2, box.y + box.height / 2]] as const;
  });
  return Object.fromEntries(await Promise.all(middles)) as never;
}

const seenIn = (page: Page): Promise<Seen> => page.evaluate(() => (globalThis as unknown as { seen: Seen }).seen);

describe.skipIf(unavailable)('the page while it trains', () => {
  let studio: Studio;
  beforeAll(async () => {
    studio = await startStudio();
  });
  afterAll(() => studio.close());

  test('answers clicks, and its thread stays free', async () => {
    const page = await openWith(studio, { method: 'heat', steps: 60 });
    await page.context().addInitScript(watch);
    await page.reload();
    await page.getByRole('button', { name: 'Try it' }).click();
    await inPhase(page, 'training');
    const tabs = await tabsOf(page);
    await page.waitForTimeout(500);
    const before = (await seenIn(page)).tasks.length;
    for (const place of ['Model', 'Pictures', 'Train', 'Use', 'Train'] as const) {
      await page.mouse.click(...tabs[place]);
      await page.waitForTimeout(400);
    }
    await inPhase(page, 'done');
    await page.waitForTimeout(200);
    const { tasks, interactions } = await seenIn(page);
    const whileTraining = tasks.slice(before);
    const durations = Object.values(interactions);
    expect(durations.length).toBeGreaterThanOrEqual(3);
    const rounded = (values: readonly number[]): string => Math.round(Math.max(0, ...values)).toString();
    console.log(
      `While it trains: ${whileTraining.length} tasks over 50 ms, the longest ${rounded(whileTraining)} ms; ` +
        `${durations.length} clicks, the slowest answered after ${rounded(durations)} ms; load ${loadavg()[0]?.toFixed(2)}`,
    );
  });
});
