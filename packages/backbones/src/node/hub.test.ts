import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelConfig, modelWeights } from '@peft/pico';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type HubServer, serveHub } from '../../test/hub-server.ts';
import { sha256File } from './hash.ts';
import { downloadModel, parseHubReference } from './hub.ts';
import { openBackbone } from './open.ts';

const name = 'someone/pico-vit';
let cache: string;
let server: HubServer;
let weights: Buffer;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'hub-'));
  weights = await readFile(modelWeights('pico-vit'));
  server = await serveHub(name, {
    'config.json': await readFile(modelConfig('pico-vit')),
    'model.safetensors': weights,
  });
  vi.stubEnv('HF_ENDPOINT', server.url);
  vi.stubEnv('HF_HUB_CACHE', cache);
  vi.stubEnv('HF_TOKEN', undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
  await rm(cache, { recursive: true });
});

const ranges = (): (string | undefined)[] =>
  server.requests.filter(request => request.includes('model.safetensors')).map(request => request.split(' ')[2]);

test('references', () => {
  expect(parseHubReference('hf:timm/vit_tiny')).toEqual({ name: 'timm/vit_tiny', revision: 'main' });
  expect(parseHubReference('hf:timm/vit_tiny@v1.0')).toEqual({ name: 'timm/vit_tiny', revision: 'v1.0' });
  expect(() => parseHubReference('hf:timm')).toThrow(/hf:owner\/name/);
});

test('a model is downloaded once, checked and opened', async () => {
  const opened = await openBackbone(`hf:${name}`);
  expect(opened.labels).toContain('airplane');
  const snapshot = join(cache, 'models--someone--pico-vit', 'snapshots', server.commit);
  expect(opened.weights).toBe(join(snapshot, 'model.safetensors'));
  expect(await opened.weightsHash()).toBe(await sha256File(join(snapshot, 'model.safetensors')));
  const before = server.requests.length;
  await openBackbone(`hf:${name}@${server.commit}`);
  expect(server.requests.length).toBe(before);
  await openBackbone(`hf:${name}`);
  expect(server.requests.slice(before)).toEqual([`GET /api/models/${name}/revision/main`]);
});

test('an interrupted download goes on where it stopped', async () => {
  const half = Math.floor(weights.length / 2);
  server.breakAfter(half);
  await expect(downloadModel({ name, revision: 'main' })).rejects.toThrow(/try again/);
  const blobs = join(cache, 'models--someone--pico-vit', 'blobs');
  const [incomplete] = (await readdir(blobs)).filter(file => file.endsWith('.incomplete'));
  const { size } = await stat(join(blobs, incomplete));
  expect(size).toBeGreaterThan(0);
  expect(size).toBeLessThanOrEqual(half);
  const folder = await downloadModel({ name, revision: 'main' });
  expect(ranges().at(-1)).toBe(`bytes=${size}-${weights.length - 1}`);
  expect(weights.equals(await readFile(join(folder, 'model.safetensors')))).toBe(true);
});

test('a branch that was downloaded is there without a network', async () => {
  const folder = await downloadModel({ name, revision: 'main' });
  vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
  expect(await downloadModel({ name, revision: 'main' })).toBe(folder);
  await expect(downloadModel({ name, revision: 'other' })).rejects.toThrow(/Could not get/);
});

test('a token is sent, and asked for where it is missing', async () => {
  const files = { 'config.json': await readFile(modelConfig('pico-vit')), 'model.safetensors': weights };
  const guarded = await serveHub(name, files, { token: 'hf_secret' });
  vi.stubEnv('HF_ENDPOINT', guarded.url);
  await expect(downloadModel({ name, revision: 'main' })).rejects.toThrow(/HF_TOKEN/);
  vi.stubEnv('HF_TOKEN', 'hf_secret');
  expect(await downloadModel({ name, revision: 'main' })).toContain(guarded.commit);
  await guarded.close();
});

test('what the Hub does not have is said', async () => {
  await expect(downloadModel({ name, revision: 'nope' })).rejects.toThrow(/Check the name and the revision/);
  const empty = await serveHub(name, { 'README.md': new Uint8Array(3) });
  vi.stubEnv('HF_ENDPOINT', empty.url);
  await expect(downloadModel({ name, revision: 'main' })).rejects.toThrow(/has no config\.json, model\.safetensors/);
  await empty.close();
});
