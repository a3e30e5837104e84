import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { root } from '../src/root.mjs';

const matrix = join(root, 'tooling/scripts/src/install/matrix.mjs');

/** Why nothing can be installed here; undefined if it can. */
const unavailable = await promisify(execFile)('npm', ['view', '@tensorflow/tfjs-core@4.22.0', 'version']).then(
  () => undefined,
  (error: Error) => error.message.trim().split('\n')[0],
);
if (unavailable) console.warn(`Installing from a registry is not tested: ${unavailable}`);

test.skipIf(unavailable)(
  'lora alone, as it would be published: its README runs, types and a bundle too; an older neat shares its core',
  async () => {
    const args = ['--methods', 'lora', '--managers', 'npm', '--nodes', '', '--bundlers', 'esbuild'];
    const { stdout } = await promisify(execFile)(process.execPath, [matrix, ...args]).catch(error => error);
    expect(stdout).toMatch(/^\| lora \| yes \| yes \| yes \| yes \|$/m);
    expect(stdout).toContain('A newer lora and an older neat share one core.');
  },
  900_000,
);
