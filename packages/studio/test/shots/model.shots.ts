import { readFile } from 'node:fs/promises';
import { modelConfig, modelWeights } from '@peft/pico';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type HubServer, serveHub } from '../../../backbones/test/hub-server.ts';
import { type ServedStudio, serveStudio } from '../../src/server/index.ts';
import { goTo, patience, type Studio, startStudio, unavailable } from '../browser/studio.ts';
import { shoot } from './shoot.ts';

const methods = ['lora', 'neat', 'lily', 'heat', 'pear'] as const;

describe.skipIf(unavailable)('the model', () => {
  let studio: Studio;
  let hub: HubServer;
  let served: ServedStudio;
  let page: Page;
  beforeAll(async () => {
    studio = await startStudio();
    const [config, weights] = await Promise.all([modelConfig, modelWeights].map(of => readFile(of('pico-vit'))));
    hub = await serveHub('someone/pico-vit', { 'config.json': config!, 'model.safetensors': weights! });
    served = await serveStudio({ port: 0, hub: hub.url });
    const context = await studio.browser.newContext({ viewport: { width: 1440, height: 900 } });
    context.setDefaultTimeout(patience);
    page = await context.newPage();
    await page.goto(served.url);
    await page.getByRole('button', { name: 'Use my own pictures' }).click();
    await goTo(page, 'Model');
    await page.getByTestId('trainable').waitFor();
  });
  afterAll(async () => {
    await studio.close();
    await served.close();
    await hub.close();
  });

  test.each(methods)('every option of %s', async method => {
    await page.getByLabel('Method of the adapter default').selectOption(method);
    await page.getByRole('group', { name: 'blocks.0.attn', exact: true }).getByText(method).first().waitFor();
    await shoot(page, `model-${method}`);
    await page.getByText(/^\d+ more options$/).click();
    await page.getByRole('button', { name: /^About / }).evaluateAll(buttons => {
      for (const button of buttons.slice(0, 6)) (button as HTMLButtonElement).click();
    });
    await shoot(page, `model-${method}-options`);
    await page.getByText(/^\d+ more options$/).click();
  });

  test('several at once, one with an option that makes no sense, and the recipe', async () => {
    await page.getByLabel('Method of the adapter default').selectOption('lora');
    for (const method of methods.slice(1))
      await page.getByRole('region', { name: 'Stack another method' }).getByRole('button', { name: method }).click();
    await page.getByRole('region', { name: 'Adapter pear' }).waitFor();
    await page.getByText('The recipe as JSON').click();
    await shoot(page, 'model-all');
    for (const method of methods.slice(1))
      await page.getByRole('button', { name: `Remove the adapter ${method}` }).click();
    await page.getByLabel('r', { exact: true }).fill('0');
    await page.getByLabel('r', { exact: true }).press('Tab');
    await page.getByRole('alert').first().waitFor();
    await shoot(page, 'model-refused');
    await page.getByLabel('r', { exact: true }).fill('8');
    await page.getByLabel('r', { exact: true }).press('Tab');
  });

  test('a file of weights, one that is none, and a model of the Hub', async () => {
    const weights = page.getByLabel('A file of weights');
    await weights.setInputFiles({ name: 'a.safetensors', mimeType: '', buffer: Buffer.from('no weights') });
    await page.getByText(/The model is still pico-vit/).waitFor();
    await shoot(page, 'model-bad-file');
    const buffer = await readFile(modelWeights('pico-swin'));
    await weights.setInputFiles({ name: 'swin-of-the-laboratory.safetensors', mimeType: '', buffer });
    await page.getByRole('group', { name: 'layers.2.blocks.1.attn', exact: true }).waitFor();
    await shoot(page, 'model-file');
    await page.getByRole('button', { name: /^Hugging Face Hub/ }).click();
    const section = page.getByRole('region', { name: 'From the Hugging Face Hub' });
    await section.getByRole('textbox').fill('someone/else');
    await section.getByRole('button', { name: 'Ask the Hub' }).click();
    await section.getByRole('alert').waitFor();
    await shoot(page, 'model-hub-missing');
    await section.getByRole('textbox').fill('someone/pico-vit');
    await section.getByRole('button', { name: 'Ask the Hub' }).click();
    await section.getByText('683,242').waitFor();
    await shoot(page, 'model-hub');
  });
});
