import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeDigits } from './digits.ts';
import { chooseFolder, goTo, inPhase, openWith, type Studio, startStudio, unavailable } from './studio.ts';

const recipe = { steps: 3, batch: 8 };

/** Chooses pictures and what computes, then trains. */
async function trainOn(page: Page, folder: string, engine: string): Promise<void> {
  await chooseFolder(page, folder);
  await goTo(page, 'Train');
  await page.getByLabel('Engine').selectOption({ label: engine });
  await page.getByRole('region', { name: 'Training' }).getByRole('button', { name: 'Train' }).click();
}

describe.skipIf(unavailable)('what computes is chosen by the user', () => {
  let gpu: Studio;
  let bare: Studio;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peft-engines-'));
    await writeDigits(folder, 2, 12);
    gpu = await startStudio(['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']);
    bare = await startStudio(['--disable-features=WebGPU', '--disable-gpu']);
  });
  afterAll(async () => {
    await gpu.close();
    await bare.close();
    await rm(folder, { recursive: true });
  });

  test('WebGPU trains in the page, which says so', async () => {
    const page = await openWith(gpu, recipe);
    await trainOn(page, folder, 'WebGPU');
    await page
      .getByText('Computed by onnxruntime-web (webgpu, jspi build). You chose it.')
      .waitFor({ timeout: 120_000 });
    await inPhase(page, 'done');
    expect(await page.getByText('3 of 3').count()).toBe(1);
    expect(Number(await page.getByTestId('loss').textContent())).toBeGreaterThan(0);
    await page.reload();
    await goTo(page, 'Train');
    expect(await page.getByLabel('Engine').inputValue()).toBe('webgpu');
  });

  test('where there is no WebGPU, wasm trains, and the page says why', async () => {
    const page = await openWith(bare, recipe);
    await trainOn(page, folder, 'WebGPU');
    await inPhase(page, 'done');
    await page.getByText(/Computed by onnxruntime-web \(wasm.*WebGPU is not here, or was lost/).waitFor();
    await page.getByText(/^\d+ notes? of this run$/).click();
    await page
      .getByText(/The run goes on with the next engine/)
      .first()
      .waitFor();
  });
});
