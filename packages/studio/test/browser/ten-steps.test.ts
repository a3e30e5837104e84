import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openBackbone } from '@peft/backbones/node';
import { startBackend } from '@peft/backends';
import { onnxEngine, onnxWebEngine } from '@peft/compile';
import type { Engine } from '@peft/core';
import { openDataset } from '@peft/data/node';
import { type RecipeOptions, type RunRecord, run } from '@peft/run';
import { unzipSync } from 'fflate';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeDigits } from './digits.ts';
import { chooseFolder, goTo, inPhase, openWith, type Studio, startStudio, unavailable } from './studio.ts';

/** Large files that are not in the repository. */
const shared = process.env.PEFT_SHARED ?? new URL('../../../../../shared', import.meta.url).pathname;
const models = [
  { title: 'DeiT-Tiny', weights: join(shared, 'weights/deit_tiny_patch16_224.f32.safetensors'), batch: 8 },
  { title: 'Swin of 32 pixels', weights: join(shared, 'weights/pico-swin/model.safetensors'), batch: 32 },
];
const missing = models.find(({ weights }) => !existsSync(weights));
const skipped = unavailable ?? (missing && `there is no ${missing.weights}; PEFT_SHARED names the folder`);
if (skipped) console.warn(`Ten steps beside Node are skipped: ${skipped}.`);

async function unzipped(path: string, folder: string): Promise<void> {
  for (const [name, content] of Object.entries(unzipSync(await readFile(path)))) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

describe.skipIf(skipped)('ten steps in the page, beside Node', () => {
  let studio: Studio;
  let folder: string;

  /** Presses a button that gives a zip, and unpacks it. */
  async function take(
    page: Page,
    place: 'Pictures' | 'Use',
    region: string,
    button: string,
    to: string,
  ): Promise<void> {
    await goTo(page, place);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('region', { name: region }).getByRole('button', { name: button }).click(),
    ]);
    await unzipped(await download.path(), join(folder, to));
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peft-ten-steps-'));
    await writeDigits(join(folder, 'digits'), 4, 24);
    studio = await startStudio();
  });
  afterAll(async () => {
    await studio?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The same recipe on the same pictures, from the zip of the project. */
  async function inNode(project: string, weights: string, engine: Engine): Promise<RunRecord['result']> {
    const config: RecipeOptions & { data: string; backbone: string } = JSON.parse(
      await readFile(join(project, 'config.json'), 'utf8'),
    );
    const { data, backbone: name, ...recipe } = config;
    const [train, testing] = await Promise.all(
      (['train', 'test'] as const).map(part => openDataset(join(project, data), part)),
    );
    const backbone = await openBackbone(name, { weights });
    let result: RunRecord['result'] | undefined;
    for await (const event of run(recipe, { train: train!, test: testing!, backbone, engine }))
      if (event.type === 'done') result = event.record.result;
    await engine.dispose();
    return result!;
  }

  test.each(models)('$title', async ({ title, weights, batch }) => {
    const page = await openWith(studio, { steps: 10, batch });
    await goTo(page, 'Train');
    await page.getByLabel('Engine').selectOption('wasm');
    await goTo(page, 'Model');
    await page.getByLabel('A file of weights').setInputFiles(weights);
    await page.getByText(/\.safetensors, [\d.]+ MB/).waitFor({ timeout: 120_000 });
    await chooseFolder(page, join(folder, 'digits'));
    const load = loadavg()[0]!;
    await goTo(page, 'Train');
    await page.getByRole('region', { name: 'Training' }).getByRole('button', { name: 'Train' }).click();
    await inPhase(page, 'done');
    await take(page, 'Use', 'Take it away', 'Adapter', `${title}-adapter`);
    await take(page, 'Pictures', 'Project', 'Save as zip', title);
    const record: RunRecord = JSON.parse(await readFile(join(folder, `${title}-adapter/run.json`), 'utf8'));
    const inPage = record.result;
    expect(inPage.losses).toHaveLength(10);
    expect(inPage.engine).toMatch(/^onnxruntime-web \(wasm, [2-9] threads\)$/);

    const threads = Number(/(\d+) threads/.exec(inPage.engine)?.[1]);
    await startBackend('cpu');
    const onnxruntime = await inNode(join(folder, title), weights, await onnxEngine({ threads }));
    const wasm = await inNode(join(folder, title), weights, await onnxWebEngine({ threads }));
    const line = ({ engine, stepMs = 0 }: RunRecord['result'], where: string) =>
      `${where}: ${engine}, ${stepMs.toFixed(0)} ms a step`;
    console.log(
      [
        `${title}, batch ${batch}, load ${load.toFixed(2)}`,
        line(inPage, 'in the page'),
        line(onnxruntime, 'in Node'),
        line(wasm, 'in Node'),
      ].join('\n  '),
    );
    for (const { losses } of [onnxruntime, wasm]) {
      const differences = losses.map((loss, i) => Math.abs(loss - inPage.losses[i]!) / inPage.losses[i]!);
      expect(Math.max(...differences)).toBeLessThan(1e-4);
    }
  });
});
