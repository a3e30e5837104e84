import type { Engine } from '@peft/core';
import { gpuLimits, OnnxEngine, type StorageOptions } from './engine.ts';
import { RemoteRunner } from './remote-runner.ts';
import type { Runner } from './runner.ts';
import { type WebWorker, webThread } from './thread.ts';
import { createWebRunner, type WebRunnerOptions } from './web-runner.ts';

export interface OnnxWebEngineOptions extends WebRunnerOptions, StorageOptions {
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

/**
 * An engine that runs recorded steps in onnxruntime-web: in browsers, and in Node where onnxruntime-node is not wanted.
 * `env.wasm` of onnxruntime-web says where its files are, and is the caller's to set, in the worker if there is one.
 *
 * @throws PeftError `missing` if onnxruntime-web is not installed, `not-supported` if it cannot use the provider.
 */
export async function onnxWebEngine({ worker, frozenDtype, ...options }: OnnxWebEngineOptions = {}): Promise<Engine> {
  const runner = await (worker ? remote(worker, options) : createWebRunner(options));
  const { provider = 'wasm' } = options;
  const name = `onnxruntime-web (${provider}${worker ? ', in a worker' : ''})`;
  return new OnnxEngine(name, runner, { frozenDtype, ...(provider === 'webgpu' && gpuLimits) });
}
