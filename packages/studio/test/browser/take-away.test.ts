import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBackbone } from '@peft/backbones/node';
import { startBackend } from '@peft/backends';
import { onnxEngine } from '@peft/compile';
import type { Engine } from '@peft/core';
import { openAdapterFolder } from '@peft/core/node';
import { type Dataset, relabel } from '@peft/data';
import { openDataset } from '@peft/data/node';
import { bareModel, factories, measure, modelWithAdapter, type RunModel } from '@peft/run';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bmpOf } from '../../src/worker/bmp.ts';
import { type Served, serve } from './serve.ts';
import { goTo, inPhase, numberIn, openWith, type Studio, startStudio, unavailable } from './studio.ts';
import { taken, unzip } from './taken.ts';

describe.skipIf(unavailable)('what is taken away', () => {
  let studio: Studio;
  let page: Page;
  let folder: string;
  let digits: Dataset;
  let engine: Engine;
  /** In percent, as the page shows it. */
  let accuracy: number;
  /** Predicted classes by the names of the pictures. */
  const predicted = new Map<string, string>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peft-studio-'));
    digits = await openDataset('mnist', 'test');
    await startBackend('cpu');
    engine = await onnxEngine({ threads: 1 });
    studio = await startStudio();
    page = await openWith(studio, { steps: 30, set: { r: 4 }, lr: 0.01 });
    await page.getByRole('button', { name: 'Try it' }).click();
    await inPhase(page, 'done');
    accuracy = numberIn(await page.getByTestId('accuracy').textContent());
    await goTo(page, 'Use');
  });
  afterAll(async () => {
    await studio.close();
    await engine.dispose();
    await rm(folder, { recursive: true });
  });

  const inNode = async (model: RunModel): Promise<number> => {
    const dataset = relabel({ ...digits, numbered: false }, model.labels ?? []);
    const metrics = await measure(model, dataset, { engine, batch: 50 });
    return Number((100 * metrics.accuracy).toFixed(1));
  };

  test('the predictions are those that were counted', async () => {
    const [head, ...lines] = (await taken(page, 'Predictions')).toString().trim().split('\r\n');
    expect(head).toBe('picture,part,true,predicted,0,1,2,3,4,5,6,7,8,9');
    const tested = lines.map(line => line.split(',')).filter(([, part]) => part === 'test');
    expect(tested).toHaveLength(500);
    for (const [name = '', , , label = ''] of tested) predicted.set(name, label);
    const right = tested.filter(([, , label, guess]) => label === guess).length;
    expect(right / 5).toBeCloseTo(accuracy, 5);
    expect(accuracy).toBeGreaterThan(20);
  });

  test('the adapter gives the same accuracy in Node', async () => {
    await unzip(await taken(page, 'Adapter'), join(folder, 'adapter'));
    const adapter = await openAdapterFolder(join(folder, 'adapter'), factories);
    expect(await inNode(await modelWithAdapter(await openBackbone('pico-vit'), adapter))).toBe(accuracy);
  });

  test('so do the merged weights', async () => {
    await unzip(await taken(page, 'Merged weights'), join(folder, 'merged'));
    const backbone = await openBackbone('pico-vit', { weights: join(folder, 'merged/model.safetensors') });
    const labels = Array.from({ length: 10 }, (_, digit) => String(digit));
    expect(await inNode({ ...bareModel(backbone), labels })).toBe(accuracy);
  });

  test('the web page labels pictures as the studio does, from a bare server', async () => {
    await unzip(await taken(page, 'Web page'), join(folder, 'page'));
    const served: Served = await serve(join(folder, 'page'));
    const visitor = await (await studio.browser.newContext()).newPage();
    try {
      await visitor.goto(served.url);
      await visitor.getByText('Choose, drop or paste').waitFor({ timeout: 60_000 });
      for (const i of [0, 1, 7]) {
        if (digits.preprocessed) throw new Error('The digits are no pictures.');
        const buffer = Buffer.from(await bmpOf(await digits.picture(i)).arrayBuffer());
        const name = `test-${String(i + 1).padStart(4, '0')}.bmp`;
        await visitor.locator('#file').setInputFiles({ name, mimeType: 'image/bmp', buffer });
        await expect
          .poll(() => visitor.locator('#results li span').first().textContent(), { timeout: 30_000 })
          .toBe(predicted.get(name));
      }
      expect(served.asked.filter(path => path.endsWith('.wasm'))).toEqual(['/ort-wasm-simd-threaded.wasm']);
    } finally {
      await served.close();
    }
  });
});
