import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inPhase, openWith, type Studio, startStudio, unavailable } from './studio.ts';

describe.skipIf(unavailable)('inside the methods', () => {
  let studio: Studio;
  beforeAll(async () => {
    studio = await startStudio();
  });
  afterAll(() => studio.close());

  test('two adapters that measure the same show theirs apart', async () => {
    const stack = { neat: { method: 'neat', targets: ['mlp.fc1'] } };
    const page = await openWith(studio, { method: 'lora', targets: ['mlp.fc1'], stack, steps: 2, batch: 8 });
    await page.getByRole('button', { name: 'Try it' }).click();
    await inPhase(page, 'done');
    const inside = page.getByRole('complementary', { name: 'Inside the method' });
    const drawing = (method: string) =>
      inside.getByRole('figure').filter({ has: page.getByText(method, { exact: true }) });
    const [lora, neat] = [drawing('lora'), drawing('neat')];
    await neat.getByText('How far the weights moved').waitFor();
    expect(await lora.getByRole('table').textContent()).not.toBe(await neat.getByRole('table').textContent());
    const tabs = page.getByRole('group', { name: 'blocks.0.mlp' });
    const shares = await tabs
      .locator('[title^="lora: "], [title^="neat: "]')
      .evaluateAll(all => all.map(tab => tab.getAttribute('title')));
    expect(shares).toHaveLength(2);
    expect(shares[0]?.replace('lora', '')).not.toBe(shares[1]?.replace('neat', ''));
  });
});
