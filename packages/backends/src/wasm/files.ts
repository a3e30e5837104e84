import * as tf from '@tensorflow/tfjs-core';
import { withSharedMemory } from './shared-memory.ts';

const plain = 'tfjs-backend-wasm.wasm';
const simd = 'tfjs-backend-wasm-simd.wasm';
const threaded = 'tfjs-backend-wasm-threaded-simd.wasm';

/** The location of each file of TensorFlow.js' wasm backend: a path in Node, a URL elsewhere. */
type WasmFiles = Record<typeof plain | typeof simd | typeof threaded, string>;

const filesAt = (locate: (name: keyof WasmFiles) => string): WasmFiles => ({
  [plain]: locate(plain),
  [simd]: locate(simd),
  [threaded]: locate(threaded),
});

/** Bundlers see the pattern `new URL(name, import.meta.url)` and emit the three files. */
const bundledFiles = (): WasmFiles => ({
  [plain]: new URL('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm', import.meta.url).href,
  [simd]: new URL('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm', import.meta.url).href,
  [threaded]: new URL('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm', import.meta.url).href,
});

/** @param folder a URL (in Node a path) with its last slash */
export function wasmFiles(folder: string | undefined): WasmFiles {
  if (folder !== undefined) return filesAt(name => folder + name);
  const module = tf.env().getBool('IS_NODE') ? globalThis.process.getBuiltinModule?.('node:module') : undefined;
  if (!module) return bundledFiles();
  const { resolve } = module.createRequire(import.meta.url);
  return filesAt(name => resolve(`@tensorflow/tfjs-backend-wasm/dist/${name}`));
}

async function readBytes(location: string): Promise<Uint8Array<ArrayBuffer>> {
  const fs = tf.env().getBool('IS_NODE') ? globalThis.process.getBuiltinModule?.('node:fs/promises') : undefined;
  if (fs) return fs.readFile(location);
  const response = await fetch(location, { credentials: 'same-origin' });
  if (!response.ok) throw new Error(`${location}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** The SIMD build under all three names, patched to use memory that threads can share. */
export async function sharedFiles(files: WasmFiles): Promise<WasmFiles> {
  const found = await readBytes(files[simd]);
  if (!WebAssembly.validate(found)) throw new Error(`${files[simd]} is not a WebAssembly module.`);
  const bytes = withSharedMemory(found);
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/wasm' }));
  return filesAt(() => url);
}
