import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { bin, Scratch } from './peft.ts';

const scratch = new Scratch();
afterAll(() => rmSync(scratch.folder, { recursive: true }));

/** The first that a process prints. */
const firstOutput = async ({ stdout }: ChildProcess): Promise<string> => {
  const [text] = stdout ? await once(stdout, 'data') : [];
  return String(text);
};

test.each(['SIGINT', 'SIGTERM'] as const)('peft studio serves the page until %s', async signal => {
  const child = spawn(process.execPath, [bin, 'studio', '--port', '0']);
  const text = await firstOutput(child);
  expect(text).toMatch(/^The studio is at http:\/\/127\.0\.0\.1:\d+\/ Ctrl-C ends it\.\n$/);
  const url = text.match(/http\S+/)?.[0] ?? '';
  const response = await fetch(url);
  expect(response.headers.get('Cross-Origin-Opener-Policy')).toBe('same-origin');
  expect(await response.text()).toContain('<div id="app">');
  child.kill(signal);
  expect(await once(child, 'exit')).toEqual([0, null]);
  await expect(fetch(url)).rejects.toThrow();
});

test('--json tells the address alone', async () => {
  const child = spawn(process.execPath, [bin, 'studio', '--port', '0', '--json']);
  expect(JSON.parse(await firstOutput(child))).toEqual({ url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/$/) });
  child.kill('SIGINT');
  await once(child, 'exit');
});

test('a port that is taken, or none, is refused', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  const taken = await scratch.peft('studio', '--port', port);
  expect(taken).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining(`Port ${port} is in use`) });
  other.close();
  const none = await scratch.peft('studio', '--port', '70000');
  expect(none).toMatchObject({ status: 2, stderr: expect.stringContaining('--port') });
});

/** The command as it is installed where the optional package is not. */
function installWithoutStudio(): string {
  const own = fileURLToPath(new URL('..', import.meta.url));
  const modules = scratch.at('node_modules');
  const copy = join(modules, '@peft', 'cli');
  for (const part of ['bin', 'dist', 'package.json']) cpSync(join(own, part), join(copy, part), { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'));
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(realpathSync(join(own, 'node_modules', name)), join(modules, name));
  }
  return join(copy, 'bin', 'peft.js');
}

test('without @peft/studio it says what to install', async () => {
  const installed = installWithoutStudio();
  const { stdout } = await promisify(execFile)(process.execPath, [installed, 'methods']);
  expect(stdout).toContain('lora');
  const failure = await promisify(execFile)(process.execPath, [installed, 'studio']).catch(error => error);
  expect(failure.code).toBe(1);
  expect(failure.stderr).toBe(
    'peft: peft studio needs the package @peft/studio, which is not installed. Install it. [missing]\n',
  );
});
