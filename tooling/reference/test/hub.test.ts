import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { downloadModel } from '@peft/backbones/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { makeSandbox, modelFiles, name, type Sandbox } from '../../../packages/backbones/test/hub-cache.ts';
import { type HubServer, serveHub } from '../../../packages/backbones/test/hub-server.ts';
import { interpreter, pythonMissing } from '../src/python.ts';

const main = { name, revision: 'main' };
const paths = ['config.json', 'model.safetensors', 'preprocessor_config.json'];
const script = fileURLToPath(new URL('../scripts/hub.py', import.meta.url));
const skipped = pythonMissing ? ` (skipped: ${pythonMissing})` : '';
let server: HubServer;
let box: Sandbox;

beforeEach(async () => {
  server = await serveHub(name, { ...(await modelFiles()), 'preprocessor_config.json': Buffer.from('{}') });
  box = await makeSandbox(server);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
  await box.remove();
});

/** Where Python's `huggingface_hub` has the model's files, in the test's environment. */
async function python(mode: 'online' | 'offline'): Promise<string[]> {
  const { command, args, env } = interpreter;
  const { stdout } = await promisify(execFile)(command, [...args, script, mode, name, ...paths], {
    env: { ...env, ...process.env },
  });
  return stdout.trim().split('\n');
}

test.skipIf(pythonMissing)(`Python finds what we downloaded, and downloads nothing${skipped}`, async () => {
  const folder = await downloadModel(main);
  const transfers = () => server.requests.filter(request => request.startsWith('GET') && request.includes('resolve'));
  const before = transfers().length;
  expect(await python('offline')).toEqual(paths.map(path => join(folder, path)));
  expect(await python('online')).toEqual(paths.map(path => join(folder, path)));
  expect(transfers().length).toBe(before);
});

test.skipIf(pythonMissing)(`we find what Python downloaded, and ask for nothing${skipped}`, async () => {
  const found = await python('online');
  const before = server.requests.length;
  const folder = await downloadModel({ name, revision: server.claims.commit });
  expect(paths.map(path => join(folder, path))).toEqual(found);
  expect(await downloadModel(main, { localFilesOnly: true })).toBe(folder);
  expect(server.requests.length).toBe(before);
  for (const path of paths) expect([...(await readFile(join(folder, path)))]).toEqual([...server.files[path]]);
});
