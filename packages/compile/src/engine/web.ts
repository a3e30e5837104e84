import type { Engine } from '@peft/core';
import { gpuLimits, OnnxEngine, type StorageOptions } from './engine.ts';
import { RemoteRunner } from './remote-runner.ts';
import type { Runner } from './runner.ts';
import { type WebWorker, webThread } from './thread.ts';
import { buildFor, type WasmFiles, type WebBuild, type WebProvider } from './web-build.ts';
import { createWebRunner, type WebRunnerOptions } from './web-runner.ts';

/** The folder with the files of `onnxruntime-web/dist`, or the files of each build by themselves. */
export type WasmPaths = string | Readonly<Partial<Record<WebBuild, WasmFiles>>>;

export interface OnnxWebEngineOptions extends StorageOptions {
  /** What computes; `wasm` unless given. */
  provider?: WebProvider;
  /** Threads of the wasm code; by default ONNX Runtime's choice. A browser needs cross-origin isolation for more than one. */
  threads?: number;
  /** Where the files of onnxruntime-web are, if it does not find them by itself. */
  wasmPaths?: WasmPaths;
  /** The build of onnxruntime-web; the smallest that has the provider, unless given. */
  build?: WebBuild;
  /**
   * Whether operators that WebGPU lacks may run on the host, with a detour of their values; they may unless it is `false`, with
   * which such a step fails.
   */
  hostFallback?: boolean;
  /**
   * A module worker that imports `@peft/compile/worker`, in which ONNX Runtime then computes, so that the page stays
   * responsive. The engine ends it. Without it, ONNX Runtime computes in this thread.
   */
  worker?: WebWorker;
}

async function remote(worker: WebWorker, options: WebRunnerOptions): Promise<Runner> {
  const runner = new RemoteRunner(webThread(worker));
  try {
    await runner.open(options);
    return runner;
  } catch (error) {
    await runner.close();
    throw error;
  }
}

/** The files of a build, with URLs that another thread, whose file lies elsewhere, understands too. */
function filesOf(build: WebBuild, paths: WasmPaths = {}): string | WasmFiles | undefined {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  const url = (path: string): string => (base === undefined ? path : new URL(path, base).href);
  if (typeof paths === 'string') return url(paths.endsWith('/') ? paths : `${paths}/`);
  const { mjs, wasm } = paths[build] ?? {};
  if (mjs === undefined && wasm === undefined) return undefined;
  return { ...(mjs !== undefined && { mjs: url(mjs) }), ...(wasm !== undefined && { wasm: url(wasm) }) };
}

/**
 * An engine that runs recorded steps in onnxruntime-web: in browsers, and in Node where onnxruntime-node is not wanted. Its name
 * tells the provider, the build of onnxruntime-web where it is not the plain one, and on wasm the threads.
 *
 * @throws PeftError `missing` if onnxruntime-web is not installed, `not-supported` if it cannot use the provider. A step throws
 * `device-lost` when the graphics processor is lost, and so does all that the engine is asked for after that.
 */
export async function onnxWebEngine({
  worker,
  frozenDtype,
  wasmPaths,
  provider = 'wasm',
  build = buildFor(provider),
  ...given
}: OnnxWebEngineOptions = {}): Promise<Engine> {
  const options = { ...given, provider, build, files: filesOf(build, wasmPaths) };
  const runner = await (worker ? remote(worker, options) : createWebRunner(options));
  const { threads = 1 } = runner;
  const parts = [
    provider,
    ...(build === 'wasm' ? [] : [`${build} build`]),
    ...(provider === 'wasm' ? [`${threads} thread${threads === 1 ? '' : 's'}`] : []),
    ...(worker ? ['in a worker'] : []),
  ];
  const name = `onnxruntime-web (${parts.join(', ')})`;
  return new OnnxEngine(name, runner, { frozenDtype, ...(provider === 'webgpu' && gpuLimits) });
}
