import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelConfig, modelWeights } from '@peft/pico';
import { vi } from 'vitest';
import type { LocalServer } from './hub-server.ts';

export const name = 'someone/pico-vit';

/** A folder for one test: the cache in it, and around it what no server may touch. */
export interface Sandbox {
  readonly folder: string;
  readonly cache: string;
  /** The model's own folder in the cache. */
  readonly root: string;
  /** Paths of all files and links below `folder`, relative to it. */
  everything(): Promise<string[]>;
  remove(): Promise<void>;
}

/** Makes one, and an environment in which the Hub is `server`, the cache is there, and nobody is logged in. */
export async function makeSandbox(server: LocalServer): Promise<Sandbox> {
  const folder = await mkdtemp(join(tmpdir(), 'hub-'));
  const cache = join(folder, 'a/b/c/cache');
  await mkdir(cache, { recursive: true });
  for (const variable of [
    'HF_TOKEN',
    'HUGGING_FACE_HUB_TOKEN',
    'HF_TOKEN_PATH',
    'HF_HUB_OFFLINE',
    'TRANSFORMERS_OFFLINE',
  ]) {
    vi.stubEnv(variable, undefined);
  }
  for (const variable of [
    'HF_HUB_DISABLE_SYMLINKS',
    'HF_HUB_DOWNLOAD_TIMEOUT',
    'HUGGINGFACE_HUB_CACHE',
    'XDG_CACHE_HOME',
  ]) {
    vi.stubEnv(variable, undefined);
  }
  vi.stubEnv('HF_HOME', join(folder, 'home'));
  vi.stubEnv('HF_ENDPOINT', server.url);
  vi.stubEnv('HF_HUB_CACHE', cache);
  return {
    folder,
    cache,
    root: join(cache, 'models--someone--pico-vit'),
    async everything() {
      if (!existsSync(folder)) return [];
      const entries = await readdir(folder, { withFileTypes: true, recursive: true });
      const files = entries.filter(entry => !entry.isDirectory());
      return files.map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

/** The files of a small model, as timm publishes one. */
export async function modelFiles(): Promise<Record<string, Uint8Array>> {
  const [config, weights] = await Promise.all([readFile(modelConfig('pico-vit')), readFile(modelWeights('pico-vit'))]);
  return { 'config.json': config, 'model.safetensors': weights };
}
