import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../root.mjs';

/**
 * What a package's README tells people to do.
 *
 * @param {string} method the name of its folder
 * @returns {Promise<{ installs: string[][], lines: string }>} the packages of each `npm install`, the method alone first, and the
 * lines of use
 */
export async function readmeOf(method) {
  const readme = await readFile(join(root, 'packages', method, 'README.md'), 'utf8');
  const [, shell = ''] = /^## Install\n+```sh\n(.*?)^```$/ms.exec(readme) ?? [];
  const [, lines = ''] = /^```ts\n(.*?)^```$/ms.exec(readme) ?? [];
  const installs = [...shell.matchAll(/^npm install ([^#\n]+)/gm)].map(([, names]) => names.trim().split(/\s+/));
  if (installs.length === 0 || lines === '')
    throw new Error(`The README of ${method} has no install, or no lines of use.`);
  return { installs, lines };
}

/** What the README's prose introduces, and its lines use: pictures, and a source of them. */
export const givens = `import * as tf from '@tensorflow/tfjs-core';
import type { BatchSource, PictureBatch } from '@peft/core';

declare global {
  const images: tf.Tensor4D;
  const source: BatchSource<PictureBatch>;
}

const batch: PictureBatch = {
  images: { data: Float32Array.from({ length: 2 * 32 * 32 * 3 }, (_, i) => Math.sin(i)), shape: [2, 32, 32, 3] },
  labels: { data: Int32Array.of(1, 3), shape: [2] },
};
const pictures: BatchSource<PictureBatch> = {
  length: 1,
  size: [32, 32],
  async *batches() {
    yield batch;
  },
};
Object.defineProperty(globalThis, 'images', { get: () => tf.zeros([1, 32, 32, 3]) }); // once there is a backend
Object.defineProperty(globalThis, 'source', { value: pictures });
`;
