import { check, PeftError } from '@peft/core';
import type * as OnnxRuntime from 'onnxruntime-web';
import type { WasmFiles, WebBuild } from './web-build.ts';

export interface BuildOptions {
  build: WebBuild;
  /** Threads of the wasm code; by default ONNX Runtime's choice. A browser needs cross-origin isolation for more than one. */
  threads?: number;
  /** The URL of the folder with the files of the build, or those of the files; where it finds them by itself unless given. */
  files?: string | WasmFiles;
}

/** Imports of their own, so that a bundler makes a chunk of each, and a page fetches the one that it uses. */
const builds: Readonly<Record<WebBuild, () => Promise<typeof OnnxRuntime>>> = {
  wasm: () => import('#onnxruntime-wasm'),
  asyncify: () => import('onnxruntime-web/webgpu'),
  jspi: () => import('onnxruntime-web/jspi'),
};

/**
 * Imports a build. Threads and paths count until its first session is made.
 *
 * @throws PeftError `missing` if onnxruntime-web is not installed, or a file is not where it should be
 */
export async function loadBuild({ build, threads, files }: BuildOptions): Promise<typeof OnnxRuntime> {
  const ort = await builds[build]().catch(cause => {
    throw new PeftError(
      'missing',
      'onnxWebEngine needs the package onnxruntime-web, which is not installed. Install it, or use eagerEngine().',
      { cause },
    );
  });
  const { wasm } = ort.env;
  if (threads !== undefined) wasm.numThreads = threads;
  if (typeof files === 'string') wasm.wasmPaths = files;
  else if (files) await useFiles(wasm, files);
  return ort;
}

async function useFiles(env: OnnxRuntime.Env.WebAssemblyFlags, { mjs, wasm }: WasmFiles): Promise<void> {
  const isCompressed = wasm?.endsWith('.gz');
  if (isCompressed) env.wasmBinary ??= await decompressed(wasm as string);
  env.wasmPaths = { ...(mjs !== undefined && { mjs }), ...(wasm !== undefined && !isCompressed && { wasm }) };
}

/** The bytes of a gzip file, which some servers declare as such, so that the browser decompresses it. */
async function decompressed(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url);
  check(
    response.ok,
    'missing',
    () => `${url}: the server answered ${response.status}; give the right URL as wasmPaths.`,
  );
  const blob = await response.blob();
  const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  if (first !== 0x1f || second !== 0x8b) return blob.arrayBuffer();
  return new Response(blob.stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}
