import { startBackend } from '@peft/backends';
import { onnxWebEngine, type PickedWebEngine, pickWebEngine } from '@peft/compile';
import { check, type Engine } from '@peft/core';
import type { RunEvent } from '@peft/run';
import jspiMjs from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url';
import jspiWasm from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url';
import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';

/** ONNX Runtime scales little beyond this on small models, and a page has other work. */
const mostThreads = 4;

const here = (file: string): string => new URL(file, import.meta.url).href;

const options = () => ({
  // Threads share memory, which only a page that is isolated from other origins may do.
  threads: globalThis.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, mostThreads) : 1,
  wasmPaths: { wasm: { mjs: here(mjs), wasm: here(wasm) }, jspi: { mjs: here(jspiMjs), wasm: here(jspiWasm) } },
});

/** ONNX Runtime on wasm in this worker; TensorFlow.js holds the variables. */
export async function openWasm(): Promise<Engine> {
  await startBackend('cpu');
  return onnxWebEngine({ ...options(), provider: 'wasm' });
}

const hasIntegration = (): boolean => 'Suspending' in WebAssembly;
const needsIntegration = 'WebGPU needs a browser with JavaScript Promise Integration here.';

/**
 * ONNX Runtime on WebGPU in this worker.
 *
 * @throws PeftError `not-supported` where there is no WebGPU, or only with a build that is not here
 */
export async function openWebGpu(): Promise<Engine> {
  check(hasIntegration(), 'not-supported', () => needsIntegration);
  await startBackend('cpu');
  return onnxWebEngine({ ...options(), provider: 'webgpu' });
}

let shared: Promise<Engine> | undefined;

/** An engine on wasm that is opened once, and stays. */
export function sharedEngine(): Promise<Engine> {
  shared ??= openWasm().catch(error => {
    shared = undefined; // the next call tries again
    throw error;
  });
  return shared;
}

/** The faster of wasm and WebGPU for a run, which is timed on both; wasm where the browser would need a build that is not here. */
export async function pickEngine(trial: (engine: Engine) => AsyncIterable<RunEvent>): Promise<PickedWebEngine> {
  await startBackend('cpu');
  if (hasIntegration()) return pickWebEngine(trial, options());
  return { engine: await openWasm(), chosen: 'wasm', reason: needsIntegration, timings: {} };
}
