import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { kernelBuilds } from '#kernels';
import { withSharedMemory } from './shared-memory.ts';

const { resolve } = createRequire(import.meta.url);
const stock = readFileSync(resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm'));
const ours = Uint8Array.from(atob(kernelBuilds.simd), c => c.charCodeAt(0));

/** The smallest module: a magic number and a version. */
const header = [0, 97, 115, 109, 1, 0, 0, 0];

describe.each([
  ['that of TensorFlow.js, which has its memory', stock],
  ['ours, which imports it', ours],
])('%s', (_, module) => {
  test('is valid with one bit changed, and the input is unchanged', () => {
    const before = Uint8Array.from(module);
    const changed = withSharedMemory(module);
    expect(WebAssembly.validate(changed)).toBe(true);
    expect(Buffer.compare(module, before)).toBe(0);
    const different = [...changed.keys()].filter(i => changed[i] !== before[i]);
    expect(different).toHaveLength(1);
    expect(changed[different[0]] ^ before[different[0]]).toBe(2);
  });
});

test('imports before the memory are skipped', async () => {
  const name = [1, 97];
  const table = [...name, ...name, 1, 0x70, 1, 1, 2];
  const global = [...name, ...name, 3, 0x7f, 0];
  const memory = [...name, ...name, 2, 1, 1, 200, 1];
  const imports = [3, ...table, ...global, ...memory];
  const changed = withSharedMemory(Uint8Array.from([...header, 2, imports.length, ...imports]));
  const [, , last] = WebAssembly.Module.imports(await WebAssembly.compile(changed));
  expect(last.kind).toBe('memory');
  expect(changed.at(-4)).toBe(3);
});

test.each([
  ['no memory', header],
  ['a memory without a maximum', [...header, 5, 3, 1, 0, 1]],
])('a module with %s cannot share', (_, module) => {
  expect(WebAssembly.validate(Uint8Array.from(module))).toBe(true);
  expect(() => withSharedMemory(Uint8Array.from(module))).toThrow('no memory that could be shared');
});
