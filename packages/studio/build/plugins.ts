import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Plugin } from 'vite';
import { metaPolicy } from '../src/server/policy.ts';

/** Puts the policy into the built page; a page in development loads more. */
export const withPolicy = (): Plugin => ({
  name: 'studio:policy',
  apply: 'build',
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: { 'http-equiv': 'Content-Security-Policy', content: metaPolicy },
      injectTo: 'head-prepend',
    },
  ],
});

/** What `public` and the second build add. */
const beside = ['hub.json', 'icon.svg', ...['index.html', 'ready.css', 'ready.js'].map(file => `ready/${file}`)];

/** Writes the names of all files, for the service worker to keep. */
export const withFileList = (): Plugin => ({
  name: 'studio:files',
  apply: 'build',
  enforce: 'post',
  generateBundle(_, bundle) {
    const names = Object.keys(bundle).filter(name => name !== 'service-worker.js');
    this.emitFile({ type: 'asset', fileName: 'files.json', source: JSON.stringify([...names, ...beside]) });
  },
});

const { resolve } = createRequire(import.meta.url);

/** Puts the license of libheif beside it, as the LGPL asks. */
export const withLicense = (): Plugin => ({
  name: 'studio:license',
  apply: 'build',
  async generateBundle() {
    const source = await readFile(resolve('libheif-js/libheif-wasm/LICENSE'), 'utf8');
    this.emitFile({ type: 'asset', fileName: 'assets/libheif-LICENSE.txt', source });
  },
});
