import { check } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { activate } from '../activate.ts';
import { load, type Packages } from '../packages.ts';
import { sharedFiles, wasmFiles } from './files.ts';
import { installFastKernels, uninstallFastKernels } from './install.ts';
import { canShareMemory } from './shared-memory.ts';

/** How the wasm backend runs. */
export interface WasmOptions {
  /** `fast`: our kernels, where they beat TensorFlow.js'; `stock`: only TensorFlow.js'. Default `fast`. */
  kernels?: 'fast' | 'stock';
  /** URL of the folder with the `.wasm` files, ending in a slash. Bundlers need none. */
  wasmPath?: string;
  /**
   * Threads for the fast kernels; by default one for each processor, up to 8. A browser allows more than one only on a page
   * that is cross-origin isolated (headers `Cross-Origin-Opener-Policy` and `Cross-Origin-Embedder-Policy`).
   */
  threads?: number;
}

/**
 * Sets flags and files before the backend starts. TensorFlow.js' own threads are off: it starts them from its own source
 * text, which hangs if a bundler renamed anything, and they serve few of its kernels and none of ours.
 */
async function prepare(packages: Packages, wasmPath: string | undefined, threads: number): Promise<void> {
  const loading = load(packages, '@tensorflow/tfjs-backend-wasm');
  const tfjsWasm = tf.findBackendFactory('wasm') ? await loading.catch(() => undefined) : await loading;
  if (!tfjsWasm) return; // registered by a copy that is not an installed package, such as a script tag
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  const files = wasmFiles(wasmPath);
  const shared = threads > 1 && canShareMemory() && (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT'));
  const changed = shared ? await sharedFiles(files).catch(() => undefined) : undefined; // then one thread
  tfjsWasm.setWasmPaths(changed ?? files, changed !== undefined);
}

/** One thread for each processor, up to 8: the serial parts of a step leave no work for more. */
function defaultThreads(): number {
  const os = globalThis.process?.getBuiltinModule?.('node:os');
  return Math.min(os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1, 8);
}

/** Starts the wasm backend and returns how many threads compute. */
export async function startWasm(packages: Packages, options: WasmOptions): Promise<number> {
  const { kernels = 'fast', wasmPath } = options;
  const { threads: wanted = defaultThreads() } = options;
  check(Number.isInteger(wanted) && wanted > 0, 'bad-argument', () => `threads is ${wanted}; it must be 1 or more.`);
  const threads = kernels === 'fast' ? wanted : 1;
  if (!('wasm' in tf.engine().registry)) await prepare(packages, wasmPath, threads);
  await activate(
    'wasm',
    'give `wasmPath`, the URL of the folder with the files of @tensorflow/tfjs-backend-wasm/dist.',
  );
  if (kernels === 'stock') {
    uninstallFastKernels();
    return 1;
  }
  try {
    return await installFastKernels(threads);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.warn(`${reason} The wasm backend runs with the kernels of TensorFlow.js, which are slower.`);
    return 1;
  }
}
