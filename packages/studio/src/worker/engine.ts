import { startBackend } from '@peft/backends';
import { onnxWebEngine } from '@peft/compile';
import type { Engine } from '@peft/core';
import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';

/** ONNX Runtime scales little beyond this on small models, and a page has other work. */
const mostThreads = 4;

let engine: Promise<Engine> | undefined;

/** ONNX Runtime in this worker; TensorFlow.js holds the variables. It is opened once. */
export function openEngine(): Promise<Engine> {
  engine ??= open().catch(error => {
    engine = undefined; // the next call tries again
    throw error;
  });
  return engine;
}

async function open(): Promise<Engine> {
  await startBackend('cpu');
  const here = (file: string): string => new URL(file, import.meta.url).href;
  // Threads share memory, which only a page that is isolated from other origins may do.
  const threads = globalThis.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, mostThreads) : 1;
  return onnxWebEngine({ provider: 'wasm', threads, wasmPaths: { wasm: { mjs: here(mjs), wasm: here(wasm) } } });
}
