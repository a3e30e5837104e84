import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Studio, startStudio, unavailable } from './studio.ts';

/** `heic/make.py` makes them. */
const fixture = async (name: string): Promise<Buffer> => readFile(new URL(`heic/${name}.heic`, import.meta.url));

const [red, green, blue, yellow] = [
  [200, 40, 40],
  [40, 160, 60],
  [40, 60, 200],
  [220, 200, 50],
];

/** The colors of a picture of the grid: above left and right, below left and right. */
function corners(page: Page, name: string): Promise<number[][]> {
  return page
    .getByRole('img', { name })
    .and(page.locator('[src]'))
    .evaluate(async (image: HTMLImageElement) => {
      await image.decode();
      const { naturalWidth: width, naturalHeight: height } = image;
      const context = new OffscreenCanvas(width, height).getContext('2d');
      if (!context) throw new Error('There is no canvas.');
      context.drawImage(image, 0, 0);
      const at = (x: number, y: number): number[] => [...context.getImageData(x, y, 1, 1).data];
      return [at(9, 9), at(width - 9, 9), at(9, height - 9), at(width - 9, height - 9), [width, height]];
    });
}

function expectNear(found: readonly (readonly number[])[], expected: readonly (readonly number[] | undefined)[]): void {
  for (const [i, color] of expected.entries())
    for (const [channel, value] of (color ?? []).entries())
      expect(Math.abs(found[i]![channel]! - value), `corner ${i}: ${found[i]}`).toBeLessThan(16);
}

describe.skipIf(unavailable)('HEIC pictures', () => {
  let studio: Studio;
  let page: Page;
  const add = async (...files: (readonly [name: string, bytes: Buffer])[]): Promise<void> =>
    page
      .getByLabel('Picture files')
      .setInputFiles(files.map(([name, buffer]) => ({ name, mimeType: 'image/heic', buffer })));
  const decoder = (): string[] => studio.served.asked.filter(path => /\/libheif-.*\.wasm$/.test(path));

  beforeAll(async () => {
    studio = await startStudio();
    page = await studio.open();
    await page.getByRole('button', { name: 'Use my own pictures' }).click();
  });
  afterAll(() => studio.close());

  test('need a decoder, which is not loaded before: without a network, the page says so', async () => {
    expect(decoder()).toEqual([]);
    await page.context().setOffline(true);
    await add(['a.heic', await fixture('turned')]);
    const said = page.getByText(/a\.heic.*decoder of HEIC pictures.*go online/).waitFor();
    await said.finally(() => page.context().setOffline(false));
  });

  test('are turned and mirrored as the file says, and kept as JPEG', async () => {
    await add(['turned.heic', await fixture('turned')], ['mirrored.HEIC', await fixture('mirrored')]);
    const turned = await corners(page, 'turned.jpg');
    expect(turned.at(-1)).toEqual([64, 96]);
    expectNear(turned, [blue, red, yellow, green]);
    expectNear(await corners(page, 'mirrored.jpg'), [green, red, yellow, blue]);
    expect(decoder()).toHaveLength(1);
  });

  test('that are not opaque are kept as PNG', async () => {
    await add(['clear.heic', await fixture('clear')]);
    const found = await corners(page, 'clear.png');
    expectNear(found, [red, green, blue]);
    expect(found[3]?.[3]).toBe(0);
  });

  test('are decoded without a network from then on, and a broken one is left out', async () => {
    await page.context().setOffline(true);
    const whole = await fixture('turned');
    await add(['broken.heic', whole.subarray(0, -60)], ['later.heic', whole]);
    await page.getByText(/broken\.heic.*cannot be decoded/).waitFor();
    await page.getByRole('img', { name: 'later.jpg' }).waitFor();
    await page.context().setOffline(false);
    expect(decoder()).toHaveLength(1);
  });
});
