import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSafetensors, type StoredTensor, serializeSafetensors } from '@peft/core';
import { mnistDigits, modelWeights } from '@peft/pico';
import { type Browser, chromium, type Page } from 'playwright';
import { build, createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeDigits } from './digits.ts';
import { serve } from './serve.ts';
import { executablePath, patience, unavailable } from './studio.ts';

const docs = new URL('../../../../docs/browser.md', import.meta.url);
/** Below the package, so that imports find what it depends on: the built packages. */
const below = new URL('../../node_modules', import.meta.url).pathname;

/** As the page asks for, with the policy that it names. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Content-Security-Policy': "script-src 'self' 'wasm-unsafe-eval'",
};

/** The page's blocks of code in a language, in order. */
async function blocksOf(language: string): Promise<string[]> {
  const text = await readFile(docs, 'utf8');
  const fences = text.matchAll(new RegExp(`^( *)\`\`\`${language}\\n(.*?)^\\1\`\`\`$`, 'gms'));
  return [...fences].map(([, indent = '', code = '']) => code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

/** The one block that has a text. */
function having(blocks: readonly string[], text: string): string {
  const found = blocks.filter(block => block.includes(text));
  if (found.length !== 1) throw new Error(`${found.length} blocks of docs/browser.md have ${text}, not one.`);
  return found[0]!;
}

/** What a user of the page writes around its code. `atHand` is what a test can ask of it. */
const main = `
import { onnxWebEngine } from '@peft/compile';
import { evaluationStep } from '@peft/train';
import { attach, download } from './folder.ts';
import { fineTune, open } from './fine-tune.ts';
import { logits } from './logits.ts';

const files = id => [...document.getElementById(id).files];
let model;

async function classified() {
  const engine = await onnxWebEngine({ provider: 'wasm' });
  const values = await logits(engine.compile(evaluationStep(model)), files('pictures')[0]);
  await engine.dispose();
  return [...values];
}

globalThis.atHand = {
  async train() {
    const losses = [];
    model = await fineTune(files('pictures'), (step, loss) => losses.push([step, loss]));
    return losses;
  },
  classified,
  download: () => download(model, ['0', '1']),
  async attach() {
    model = await open(2);
    const before = await classified();
    await attach(model, files('adapter'));
    return before;
  },
  run: recipe =>
    new Promise((resolve, reject) => {
      const events = [];
      const worker = new Worker(new URL('./run.worker.ts', import.meta.url), { type: 'module' });
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.onmessage = ({ data }) => {
        events.push(data);
        if (data.type === 'done') resolve(events);
        if (data.type === 'failed') reject(new Error(data.message));
      };
      worker.postMessage(recipe);
    }),
};
`;

const runWorker = `
import { runHere } from './run-here.ts';
addEventListener('message', ({ data }) => {
  runHere(data, new AbortController().signal).catch(({ message }) => postMessage({ type: 'failed', message }));
});
`;

const html = `<!doctype html>
<title>docs/browser.md</title>
<input id="pictures" type="file" webkitdirectory multiple />
<input id="adapter" type="file" multiple />
<script type="module" src="/main.js"></script>
`;

/** The page asks for the files of engines where it says that they are. */
const elsewhere = (block: string): string => `
import { onnxWebEngine } from '@peft/compile';
import { evaluationStep } from '@peft/train';
import { open } from './fine-tune.ts';
import { logits } from './logits.ts';
const worker = new Worker(new URL('./step.worker.ts', import.meta.url), { type: 'module' });
${block}
globalThis.atHand = {
  async classified() {
    const values = await logits(engine.compile(evaluationStep(await open(2))), document.getElementById('pictures').files[0]);
    await engine.dispose();
    return [engine.name, ...values];
  },
};
`;

interface AtHand {
  train(): Promise<[step: number, loss: number][]>;
  classified(): Promise<number[]>;
  download(): Promise<void>;
  attach(): Promise<number[]>;
  run(recipe: object): Promise<{ type: string; record?: { result: { losses: number[]; metrics: { n: number } } } }[]>;
}

/** Calls what the page has at hand. */
const ask = <Name extends keyof AtHand>(
  page: Page,
  name: Name,
  ...given: unknown[]
): Promise<Awaited<ReturnType<AtHand[Name]>>> =>
  page.evaluate(
    ([method, values]) => {
      const { atHand } = globalThis as unknown as { atHand: Record<string, (...values: unknown[]) => never> };
      return atHand[method as string]!(...(values as unknown[]));
    },
    [name, given] as const,
  );

/** The first rows of a file of pictures. */
function firstOf(bytes: Uint8Array, count: number): Uint8Array {
  const { tensors, metadata } = parseSafetensors(bytes, 'digits');
  const rows = [...tensors].map(
    ([
      name,
      {
        dtype,
        shape: [all = 1, ...rest],
        bytes: data,
      },
    ]): [string, StoredTensor] => [
      name,
      { dtype, shape: [count, ...rest], bytes: data.slice(0, (data.length / all) * count) },
    ],
  );
  return serializeSafetensors(rows, metadata);
}

describe.skipIf(unavailable)('the code of docs/browser.md', () => {
  let root: string;
  let browser: Browser;

  /** Writes a project of the page's code, with a backbone that is small and at hand. */
  async function project(config: string, entry: string): Promise<string> {
    const folder = await mkdtemp(join(root, 'project-'));
    const blocks = await blocksOf('ts');
    const small = (code: string): string => code.replaceAll('deit_tiny_patch16_224', 'pico-vit');
    const sources = {
      'step.worker.ts': having(blocks, '@peft/compile/worker'),
      'fine-tune.ts': small(having(blocks, 'new Trainer(')),
      'run-here.ts': small(having(blocks, 'runHere')),
      'logits.ts': small(having(blocks, 'export async function logits')),
      'folder.ts': having(blocks, 'writeAdapterFolder'),
      'run.worker.ts': runWorker,
      'main.js': entry,
      'index.html': html,
      'vite.config.js': config,
      'package.json': '{ "type": "module" }',
    };
    for (const [name, text] of Object.entries(sources)) await writeFile(join(folder, name), text);
    await mkdir(join(folder, 'public'));
    const [train, test] = await Promise.all([readFile(mnistDigits('train')), readFile(mnistDigits('test'))]);
    const files = {
      'pico-vit.safetensors': await readFile(modelWeights('pico-vit')),
      'train.safetensors': firstOf(train, 64),
      'test.safetensors': firstOf(test, 16),
    };
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, 'public', name), bytes);
    return folder;
  }

  /** Builds a project, and serves what comes of it. */
  async function built(folder: string) {
    await build({ root: folder, configFile: join(folder, 'vite.config.js'), logLevel: 'warn' });
    return serve(join(folder, 'dist'), headers);
  }

  async function visit(url: string): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(patience);
    page.on('pageerror', error => console.error(error));
    await page.goto(url);
    await page.waitForFunction(() => 'atHand' in globalThis);
    expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(true);
    await page.locator('#pictures').setInputFiles(join(root, 'digits'));
    return page;
  }

  /** Trains, and expects that the loss falls. */
  async function expectsToLearn(page: Page): Promise<void> {
    const losses = await ask(page, 'train');
    expect(losses.map(([step]) => step)).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
    const mean = (part: typeof losses): number => part.reduce((sum, [, loss]) => sum + loss, 0) / part.length;
    expect(mean(losses.slice(-5))).toBeLessThan(0.7 * mean(losses.slice(0, 5)));
  }

  beforeAll(async () => {
    await mkdir(below, { recursive: true });
    root = await mkdtemp(join(below, '.docs-page-'));
    await writeDigits(join(root, 'digits'), 2, 20);
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--enable-unsafe-webgpu'] });
  });
  afterAll(async () => {
    await browser?.close();
    await rm(root, { recursive: true, force: true });
  });

  test('built by Vite, learns, runs a recipe, and takes an adapter away and back', async () => {
    const configs = await blocksOf('js');
    const served = await built(await project(having(configs.slice(0, 1), 'optimizeDeps'), main));
    try {
      const page = await visit(served.url);
      await expectsToLearn(page);

      const events = await ask(page, 'run', { method: 'heat', steps: 3, batch: 8 });
      expect(events.filter(({ type }) => type === 'step')).toHaveLength(3);
      const { losses, metrics } = events.at(-1)?.record?.result ?? {};
      expect(losses).toHaveLength(3);
      expect(metrics?.n).toBe(16);

      const trained = await ask(page, 'classified');
      expect(trained).toHaveLength(2);
      const downloads: { name: string; mimeType: string; buffer: Buffer }[] = [];
      page.on('download', async download => {
        const buffer = await readFile(await download.path());
        downloads.push({ name: download.suggestedFilename(), mimeType: '', buffer });
      });
      await ask(page, 'download');
      await expect
        .poll(() => downloads.map(({ name }) => name).sort(), { timeout: 30_000 })
        .toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors', 'peft.json']);
      await page.locator('#adapter').setInputFiles(downloads);
      const bare = await ask(page, 'attach');
      const again = await ask(page, 'classified');
      for (const [i, value] of again.entries()) expect(value).toBeCloseTo(trained[i]!, 4);
      expect(Math.max(...trained.map((value, i) => Math.abs(value - bare[i]!)))).toBeGreaterThan(0.01);
    } finally {
      await served.close();
    }
  });

  test("learns in Vite's development server", async () => {
    const [config = ''] = await blocksOf('js');
    const folder = await project(config, main);
    const { 'Content-Security-Policy': _, ...isolation } = headers; // its own scripts are inline
    const server: ViteDevServer = await createServer({
      root: folder,
      configFile: join(folder, 'vite.config.js'),
      logLevel: 'warn',
      server: { port: 0, host: '127.0.0.1', headers: isolation },
    });
    try {
      await server.listen();
      await expectsToLearn(await visit(server.resolvedUrls!.local[0]!));
    } finally {
      await server.close();
    }
  });

  test('built with the files of ONNX Runtime named one by one, computes on WebGPU', async () => {
    const blocks = await blocksOf('js');
    const config = having(blocks, 'onnxruntime-web-use-extern-wasm');
    const folder = await project(config, elsewhere(having(blocks, 'wasmPaths = {')));
    const served = await built(folder);
    try {
      const page = await visit(served.url);
      const [name, ...values] = await ask(page, 'classified');
      expect(name).toBe('onnxruntime-web (webgpu, jspi build, in a worker)');
      expect(values.every(Number.isFinite)).toBe(true);
      const wasm = served.asked.filter(path => path.endsWith('.wasm'));
      expect(wasm).toEqual([expect.stringMatching(/jspi.*\.wasm$/)]);
    } finally {
      await served.close();
    }
  });
});
