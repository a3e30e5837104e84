import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { run } from './run.mjs';

/** A page's script: it makes the method and runs a layer, and needs no file system. */
const pageOf = method => `import '@tensorflow/tfjs-backend-cpu';
import { initialize, key, Linear } from '@peft/core';
import { ${method} } from '@peft/${method}';
import * as tf from '@tensorflow/tfjs-core';

const layer = initialize(new Linear(2, 3), key(1));
const { type } = ${method}({});
console.log(type, layer.call(tf.ones([1, 2])).shape.join(' '));
`;

/** What each bundler needs in a project, and how it bundles `page.js` to `out/NAME/page.js`, one script. */
export const bundlers = {
  esbuild: {
    packages: ['esbuild'],
    command: [
      'esbuild',
      'page.js',
      '--bundle',
      '--format=iife',
      '--outfile=out/esbuild/page.js',
      '--log-level=warning',
    ],
  },
  vite: {
    packages: ['vite'],
    config: [
      'vite.config.js',
      `const lib = { entry: 'page.js', formats: ['iife'], name: 'page', fileName: () => 'page.js' };
export default { build: { lib, outDir: 'out/vite' } };`,
    ],
    command: ['vite', 'build', '--logLevel', 'warn'],
  },
  rollup: {
    packages: ['rollup', '@rollup/plugin-node-resolve', '@rollup/plugin-commonjs'],
    config: [
      'rollup.config.js',
      `import commonjs from '@rollup/plugin-commonjs';
import resolve from '@rollup/plugin-node-resolve';
const plugins = [resolve({ browser: true }), commonjs()];
export default { input: 'page.js', output: { dir: 'out/rollup', format: 'iife' }, plugins };`,
    ],
    command: ['rollup', '--config', '--silent'],
  },
  webpack: {
    packages: ['webpack', 'webpack-cli'],
    config: [
      'webpack.config.js',
      `const output = { path: process.cwd() + '/out/webpack', filename: 'page.js' };
export default { mode: 'production', entry: './page.js', target: 'web', output, performance: false };`,
    ],
    command: ['webpack'],
  },
};

/** Runs a script as a page does: without Node's globals. Returns what it logged. */
async function runInPage(script) {
  const lines = [];
  const log = (...values) => void lines.push(values.join(' '));
  const document = {}; // by which TensorFlow.js knows a page
  const navigator = { userAgent: '' };
  const page = {
    document,
    navigator,
    console: { ...console, log },
    performance,
    setTimeout,
    clearTimeout,
    TextEncoder,
    TextDecoder,
    fetch,
  };
  runInNewContext(script, Object.assign(page, { self: page, window: page, globalThis: page }));
  return lines.join('\n');
}

/** Bundles a page with the method, and runs the bundle. */
export async function bundle(folder, method, name) {
  const { config, command } = bundlers[name];
  await writeFile(join(folder, 'page.js'), pageOf(method));
  if (config) await writeFile(join(folder, config[0]), config[1]);
  const [program, ...args] = command;
  await run([join(folder, 'node_modules', '.bin', program), ...args], { cwd: folder });
  const logged = await runInPage(await readFile(join(folder, 'out', name, 'page.js'), 'utf8'));
  const expected = `${method} 1 3`;
  if (logged !== expected) throw new Error(`The bundle of ${name} logged ${logged}, not ${expected}.`);
}
