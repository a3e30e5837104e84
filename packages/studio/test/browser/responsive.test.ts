import { loadavg } from 'node:os';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goTo, inPhase, openWith, type Studio, startStudio, unavailable } from './studio.ts';

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
    const before = (await seenIn(page)).tasks.length;
    for (const place of ['Model', 'Pictures', 'Train', 'Use', 'Train'] as const) {
      await goTo(page, place);
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
