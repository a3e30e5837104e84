import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { root } from '../src/root.mjs';

const matrix = join(root, 'tooling/scripts/src/install/matrix.mjs');

/** The status with which the matrix says that this machine has no way to a registry. */
const unreachable = 3;

test('lora alone, as it would be published: its README runs, types and a bundle too; an older neat shares its core', {
  timeout: 900_000,
}, async ({ skip }) => {
  const args = ['--methods', 'lora', '--managers', 'npm', '--nodes', '', '--bundlers', 'esbuild'];
  const { code, stdout, stderr } = await promisify(execFile)(process.execPath, [matrix, ...args]).then(
    printed => ({ code: 0, ...printed }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
  if (code === unreachable) {
    console.warn(stderr);
    skip(stderr.trim());
  }
  expect(stdout, stderr).toMatch(/^\| lora +(\| yes +){4}\|$/m);
  expect(stdout).toContain('A newer lora and an older neat share one core.');
});
