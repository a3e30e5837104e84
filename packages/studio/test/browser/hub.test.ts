import { readFile } from 'node:fs/promises';
import { modelConfig, modelWeights } from '@peft/pico';
import { unzipSync } from 'fflate';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type HubServer, serveHub } from '../../../backbones/test/hub-server.ts';
import { type ServedStudio, serveStudio } from '../../src/server/index.ts';
import { goTo, inPhase, patience, type Studio, startStudio, unavailable } from './studio.ts';

const name = 'someone/pico-vit';

describe.skipIf(unavailable)('a model of the Hub', () => {
  let studio: Studio;
  let hub: HubServer;
  let served: ServedStudio;
  let context: BrowserContext;
  let page: Page;
  let weights: Buffer;
  const config = async (): Promise<Buffer> => readFile(modelConfig('pico-vit'));

  beforeAll(async () => {
    weights = await readFile(modelWeights('pico-vit'));
    hub = await serveHub(name, {});
    studio = await startStudio();
    served = await serveStudio({ port: 0, hub: hub.url });
  });
  afterAll(async () => {
    await studio.close();
    await served.close();
    await hub.close();
  });
  beforeEach(async () => {
    Object.assign(hub.files, { 'config.json': await config(), 'model.safetensors': weights });
    hub.intercept = () => false;
    hub.requests.length = 0;
    await context?.close();
    context = await studio.browser.newContext({ viewport: { width: 1440, height: 900 } });
    context.setDefaultTimeout(patience);
    page = await context.newPage();
    await page.goto(`${served.url}#recipe=${encodeURIComponent('{"steps":2,"batch":8}')}`);
    await openHub();
  });

  const section = () => page.getByRole('region', { name: 'From the Hugging Face Hub' });
  async function openHub(): Promise<void> {
    await goTo(page, 'Model');
    await page.getByRole('button', { name: /^Hugging Face Hub|^vit_tiny/ }).click();
  }
  async function askFor(model: string): Promise<void> {
    await section().getByRole('textbox').fill(model);
    await section().getByRole('button', { name: 'Ask the Hub' }).click();
  }
  const use = (label: string): Promise<void> => section().getByRole('button', { name: label }).click();
  /** Ranges of the requests for the weights. */
  const transfers = (): (string | undefined)[] =>
    hub.requests.filter(request => request.includes('model.safetensors')).map(request => request.split(' ')[2]);
  const complaint = (text: RegExp): Promise<void> =>
    section().getByRole('alert').filter({ hasText: text }).waitFor({ timeout: 60_000 });

  test('is asked for by a click, costed, downloaded, resumed, trained, and here after a reload', async () => {
    await page.getByText('This leaves the page').waitFor();
    expect(hub.requests).toEqual([]);
    expect(await page.getByTestId('requests').textContent()).toBe('0 requests');

    await askFor(name);
    await section().getByText('683,242').waitFor();
    await section().getByText('1.4 MB').waitFor();
    await section().getByText('6.8 MB').waitFor();
    const probes = transfers();
    expect(probes).toEqual(['bytes=0-7', expect.stringMatching(/^bytes=8-\d+$/)]);
    expect(Number(probes[1]?.split('-')[1])).toBeLessThan(weights.length / 20);

    hub.intercept = (request, response) => {
      if (!request.url?.includes('model.safetensors')) return false;
      response.writeHead(206, { 'content-range': `bytes 0-${weights.length - 1}/${weights.length}` });
      response.write(weights.subarray(0, 700_000), () => setTimeout(() => response.destroy(), 500));
      return true;
    };
    await use('Download and use it');
    await complaint(/the connection broke off.*go on to resume/);
    hub.intercept = () => false;
    await use('Go on with the download');
    await section().getByText('It is the backbone now.').waitFor();
    const from = Number(/^bytes=(\d+)-$/.exec(transfers().at(-1) ?? '')?.[1]);
    expect(from).toBeGreaterThan(100_000);

    const requests = Number.parseInt((await page.getByTestId('requests').textContent()) ?? '', 10);
    expect(requests).toBe(hub.requests.length);
    const before = hub.requests.length;
    await goTo(page, 'Pictures');
    await page.getByRole('button', { name: 'Try it' }).click();
    await inPhase(page, 'done');
    expect(hub.requests).toHaveLength(before);
    await page.reload();
    await goTo(page, 'Use');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('region', { name: 'Take it away' }).getByRole('button', { name: 'Adapter' }).click(),
    ]);
    const files = unzipSync(await readFile(await download.path()));
    const adapter = JSON.parse(new TextDecoder().decode(files['adapter_config.json']));
    expect(adapter.base_model_name_or_path).toBe(`hf:${name}@${hub.claims.commit}`);

    await openHub();
    await page.getByRole('button', { name: /^pico-vit/ }).click();
    await askFor(`https://huggingface.co/${name}`);
    await section().getByText('Its weights are in this browser.').waitFor();
    const asked = transfers().length;
    await use('Use it');
    await section().getByText('It is the backbone now.').waitFor();
    expect(transfers()).toHaveLength(asked);
  });

  test('that arrives damaged is thrown away', async () => {
    await askFor(name);
    await section().getByText('683,242').waitFor();
    hub.files['model.safetensors'] = Buffer.from(weights).fill(1, weights.length - 8);
    await use('Download and use it');
    await complaint(/arrived damaged and was thrown away/);
    hub.files['model.safetensors'] = weights;
    await use('Download and use it');
    await section().getByText('It is the backbone now.').waitFor();
  });

  test.each([
    ['no name', 'pico', {}, /"pico" is not the name of a model on the Hub; write owner\/name/],
    ['no such model', 'someone/else', {}, /someone\/else@main: the Hub answers 404.*Check the name/],
    [
      'no safetensors',
      name,
      { 'model.safetensors': undefined, 'pytorch_model.bin': 'x' },
      /has no model\.safetensors.*Convert/,
    ],
    [
      'several files',
      name,
      { 'model.safetensors': undefined, 'model.safetensors.index.json': '{}' },
      /in several files/,
    ],
    [
      'no ViT',
      name,
      { 'config.json': '{"model_type":"bert"}' },
      /model_type "bert" is not supported; vit, deit, dinov2, swin are/,
    ],
    ['no JSON', name, { 'config.json': 'x' }, /config\.json is not valid JSON/],
    ['no safetensors inside', name, { 'model.safetensors': 'x'.repeat(99) }, /truncated or not a safetensors file/],
  ] as const)('%s: it says so, and the model stays', async (_, model, files, text) => {
    for (const [path, content] of Object.entries<string | undefined>(files)) {
      if (content === undefined) delete hub.files[path];
      else hub.files[path] = Buffer.from(content);
    }
    await askFor(model);
    await complaint(text);
    await page.getByText('683,242 parameters').waitFor();
    for (const path of ['pytorch_model.bin', 'model.safetensors.index.json']) delete hub.files[path];
  });

  test.each([401, 403])('gated or private, %i: it says what to do', async status => {
    hub.intercept = (_, response) => {
      response.writeHead(status).end();
      return true;
    };
    await askFor(name);
    await complaint(new RegExp(`the Hub answers ${status}\\. There is no such model, or it is private or gated`));
  });

  test('offline: it says so', async () => {
    await context.setOffline(true);
    await askFor(name);
    await complaint(/you are offline/i);
  });

  test('nothing but its worker may ask it', async () => {
    const refused = await page.evaluate(
      url =>
        fetch(url).then(
          () => 'sent',
          (error: Error) => error.message,
        ),
      hub.url,
    );
    expect(refused).toBe('Failed to fetch');
    expect(hub.requests).toEqual([]);
  });
});
