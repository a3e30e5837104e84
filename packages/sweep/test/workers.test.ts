import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { keepWorkers } from '../src/node/index.ts';

const scratch = mkdtempSync(join(tmpdir(), 'peft-workers-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Writes what it was given beside the file, and moves it there. */
const program = `
const { renameSync, writeFileSync } = require('node:fs');
const [path] = process.argv.slice(1);
writeFileSync(path + '.part', String(process.env.MALLOC_ARENA_MAX));
renameSync(path + '.part', path);`;

test.each([
  ['suit it', undefined, {}, '1'],
  ['its user asks for in the environment', '3', {}, '3'],
  ['its caller asks for', '3', { MALLOC_ARENA_MAX: '4' }, '4'],
])('a worker has as many arenas as %s', async (name, outer, env, expected) => {
  vi.stubEnv('MALLOC_ARENA_MAX', outer);
  const path = join(scratch, name);
  const workers = keepWorkers({ count: 1, command: [process.execPath, '-e', program, path], env });
  try {
    await vi.waitFor(() => expect(existsSync(path)).toBe(true), { timeout: 60_000 });
    expect(readFileSync(path, 'utf8')).toBe(expected);
  } finally {
    await workers.stop();
    vi.unstubAllEnvs();
  }
});
