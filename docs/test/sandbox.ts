/** A folder in which the blocks of a page run: with what their prose says is there, and a Hub on this machine. */
import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openBackbone, saveBackbone } from '@peft/backbones/node';
import { startBackend } from '@peft/backends';
import sharp from 'sharp';
import { serveHub } from '../../packages/backbones/test/hub-server.ts';
import type { Block } from './blocks.ts';

const docs = fileURLToPath(new URL('..', import.meta.url));
const deit = 'deit_tiny_patch16_224';

/** A picture of noise whose color tells its class. */
const picture = (red: number): Promise<Uint8Array> =>
  sharp({
    create: {
      width: 48,
      height: 40,
      channels: 3,
      background: { r: red, g: 80, b: 255 - red },
      noise: { type: 'gaussian', mean: 100, sigma: 40 },
    },
  })
    .jpeg()
    .toBuffer();

/** A folder with a subfolder for each class. */
async function writePictures(folder: string): Promise<void> {
  for (const [name, red] of [
    ['cat', 230],
    ['dog', 20],
  ] as const) {
    mkdirSync(join(folder, name), { recursive: true });
    for (let i = 0; i < 8; i++) writeFileSync(join(folder, name, `${i}.jpg`), await picture(red));
  }
}

/** As `npm install` would leave them: what these pages install, and the command `peft`. */
function linkPackages(folder: string): void {
  const installed = join(docs, 'node_modules');
  mkdirSync(join(folder, '.bin'), { recursive: true });
  for (const name of readdirSync(installed)) {
    if (!name.startsWith('.')) symlinkSync(join(installed, name), join(folder, name));
  }
  symlinkSync(join(realpathSync(join(installed, '@peft/cli')), 'bin/peft.js'), join(folder, '.bin/peft'));
}

export interface Sandbox {
  /** An empty place for the blocks of a page, with pictures, weights and the packages as they are installed. */
  place(): Promise<string>;
  run(block: Block, place: string): Promise<void>;
  close(): Promise<void>;
}

/** DeiT-Tiny has random weights: what the blocks print is not looked at, but that they end well. */
export async function openSandbox(): Promise<Sandbox> {
  const folder = mkdtempSync(join(tmpdir(), 'peft-docs-'));
  await startBackend('wasm');
  const weights = join(folder, 'weights');
  await saveBackbone(await openBackbone(deit), weights);
  const files = Object.fromEntries(
    readdirSync(weights).map((name): [string, Uint8Array] => [name, readFileSync(join(weights, name))]),
  );
  const hub = await serveHub(`timm/${deit}.fb_in1k`, files);
  const environment = {
    ...process.env,
    PATH: `node_modules/.bin:${process.env.PATH}`,
    HF_ENDPOINT: hub.url,
    HF_HOME: join(folder, 'hub'),
  };
  const execute = async (place: string, command: string, args: string[], more = {}): Promise<void> => {
    const ran = promisify(execFile)(command, args, { cwd: place, env: { ...environment, ...more }, timeout: 300_000 });
    await ran.catch(({ stdout, stderr, message }) => {
      throw new Error([message, stdout, stderr].join('\n'));
    });
  };
  let places = 0;
  return {
    async place() {
      const place = join(folder, String(places++));
      for (const name of ['my-pictures', 'flowers']) await writePictures(join(place, name));
      linkPackages(join(place, 'node_modules'));
      writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
      for (const name of ['cat.jpg', 'dog.jpg']) writeFileSync(join(place, name), await picture(200));
      writeFileSync(join(place, 'deit.safetensors'), files['model.safetensors'] ?? '');
      return place;
    },
    async run({ language, text, line }, place) {
      if (language === 'sh') return execute(place, 'bash', ['-ec', text]);
      const file = join(place, `line-${line}.ts`);
      writeFileSync(file, text);
      const usesGiven = /\b(vit|images|source)\b/.test(text);
      const given = usesGiven ? ['--import', fileURLToPath(new URL('given.ts', import.meta.url))] : [];
      return execute(place, process.execPath, ['--import', 'tsx', ...given, file], {
        PEFT_GIVEN_SIDE: text.includes('deit') ? '224' : '32',
      });
    },
    async close() {
      await hub.close();
      rmSync(folder, { recursive: true });
    },
  };
}
