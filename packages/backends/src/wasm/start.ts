import * as tf from '@tensorflow/tfjs-core';
import { activate } from '../activate.ts';
import { load, type Packages } from '../packages.ts';
import { installFastKernels, uninstallFastKernels } from './install.ts';

/** The folder of the `.wasm` files. Bundlers see the pattern `new URL(name, import.meta.url)` and emit the three files. */
function bundledFiles(): Record<string, string> {
  const plain = new URL('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm', import.meta.url);
  const simd = new URL('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm', import.meta.url);
  const threads = new URL('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm', import.meta.url);
  return {
    'tfjs-backend-wasm.wasm': plain.href,
    'tfjs-backend-wasm-simd.wasm': simd.href,
    'tfjs-backend-wasm-threaded-simd.wasm': threads.href,
  };
}

export interface WasmOptions {
  /** `fast`: our kernels where they are better than those of TensorFlow.js, which are `stock`. Default `fast`. */
  kernels?: 'fast' | 'stock';
  /** Where a browser finds the `.wasm` files: the URL of a folder, with its last slash. Bundlers need none. */
  wasmPath?: string;
}

/**
 * Sets what must be set before the backend starts. One thread: tfjs starts its threads from its own source text, which
 * hangs where a bundler has renamed anything, and they serve few of its kernels and none of ours.
 */
async function prepare(packages: Packages, wasmPath: string | undefined): Promise<void> {
  const loading = load(packages, '@tensorflow/tfjs-backend-wasm');
  const tfjsWasm = tf.findBackendFactory('wasm') ? await loading.catch(() => undefined) : await loading;
  if (!tfjsWasm) return; // registered by a copy that is not an installed package, such as a script tag
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  if (wasmPath) tfjsWasm.setWasmPaths(wasmPath);
  else if (!tf.env().getBool('IS_NODE')) tfjsWasm.setWasmPaths(bundledFiles());
}

/** Starts WebAssembly. In Node the package finds its own `.wasm` files. */
export async function startWasm(packages: Packages, { kernels = 'fast', wasmPath }: WasmOptions): Promise<void> {
  if (!('wasm' in tf.engine().registry)) await prepare(packages, wasmPath);
  await activate(
    'wasm',
    'give `wasmPath`, the URL of the folder with the files of @tensorflow/tfjs-backend-wasm/dist.',
  );
  if (kernels === 'stock') return uninstallFastKernels();
  const obstacle = await installFastKernels();
  if (obstacle) console.warn(`${obstacle} The wasm backend runs with the kernels of TensorFlow.js, which are slower.`);
}
