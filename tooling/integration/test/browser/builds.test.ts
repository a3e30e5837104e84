import { startBackend } from '@peft/backends';
import { type OnnxWebEngineOptions, onnxWebEngine } from '@peft/compile';
import * as tf from '@tensorflow/tfjs-core';
import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { beforeAll, expect, test } from 'vitest';

beforeAll(async () => {
  await startBackend('cpu');
});

const stepWorker = () => new Worker(new URL('./step.worker.ts', import.meta.url), { type: 'module' });

/** The wasm files that the page has fetched. */
const fetched = (): string[] =>
  performance
    .getEntriesByType('resource')
    .flatMap(({ name }) => name.match(/ort-wasm-simd-threaded[a-z.]*\.wasm$/)?.[0] ?? []);

/** Opens an engine, and computes on it. */
async function nameOf(options: OnnxWebEngineOptions): Promise<string> {
  const engine = await onnxWebEngine(options);
  const { y } = await engine
    .compile(({ x }) => ({ y: tf.square(x) }))
    .run({ x: { data: Float32Array.of(3), shape: [1] } });
  expect([...y.data]).toEqual([9]);
  await engine.dispose();
  return engine.name;
}

test('a page fetches the build that it computes with, once', async () => {
  const wasm = 'ort-wasm-simd-threaded.wasm';
  expect(await nameOf({ threads: 2 })).toBe('onnxruntime-web (wasm, 2 threads)');
  expect(await nameOf({})).toBe('onnxruntime-web (wasm, 2 threads)'); // the first engine decides
  expect(fetched()).toEqual([wasm]);

  const jspi = 'ort-wasm-simd-threaded.jspi.wasm';
  expect(await nameOf({ provider: 'webgpu' })).toBe('onnxruntime-web (webgpu, jspi build)');
  expect(await nameOf({ provider: 'webgpu' })).toBe('onnxruntime-web (webgpu, jspi build)');
  expect(fetched()).toEqual([wasm, jspi]);
});

test('a browser without JavaScript Promise Integration takes the larger build', async () => {
  const { Suspending } = WebAssembly as unknown as { Suspending?: unknown };
  Reflect.deleteProperty(WebAssembly, 'Suspending');
  try {
    expect(await nameOf({ provider: 'webgpu' })).toBe('onnxruntime-web (webgpu, asyncify build)');
  } finally {
    Object.assign(WebAssembly, { Suspending });
  }
});

test('the caller may say where the files are', async () => {
  const folder = wasmUrl.slice(0, wasmUrl.lastIndexOf('/'));
  const inWorker = 'onnxruntime-web (wasm, 1 thread, in a worker)';
  for (const wasmPaths of [folder, { wasm: { wasm: wasmUrl } }]) {
    expect(await nameOf({ worker: stepWorker(), threads: 1, wasmPaths })).toBe(inWorker);
  }
  const elsewhere = onnxWebEngine({ worker: stepWorker(), wasmPaths: '/nowhere' });
  await expect(elsewhere).rejects.toThrow(expect.objectContaining({ name: 'PeftError', code: 'not-supported' }));
});

test('a compressed file is decompressed', async () => {
  const { body } = await fetch(wasmUrl);
  const compressed = await new Response(body?.pipeThrough(new CompressionStream('gzip'))).blob();
  const address = URL.createObjectURL(compressed);
  const wasmPaths = { wasm: { wasm: `${address}#.gz` } };
  expect(await nameOf({ worker: stepWorker(), threads: 1, wasmPaths })).toMatch(/wasm/);
  URL.revokeObjectURL(address);
  const missing = onnxWebEngine({ worker: stepWorker(), wasmPaths: { wasm: { wasm: '/nowhere.gz' } } });
  await expect(missing).rejects.toThrow(expect.objectContaining({ name: 'PeftError', code: 'missing' }));
});
