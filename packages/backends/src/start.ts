import { PeftError } from '@peft/core';
import { registerGradients } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { activate } from './activate.ts';
import { installedPackages, load, type Packages } from './packages.ts';
import { startWasm, type WasmOptions } from './wasm/start.ts';
import { startWebgpu } from './webgpu.ts';

export type BackendName = 'cpu' | 'wasm' | 'webgpu';

export interface BackendOptions extends WasmOptions {
  /** Other ways to import the optional packages, such as from a CDN. */
  packages?: Partial<Packages>;
}

export interface StartedBackend {
  name: BackendName;
  /** Why this backend was picked, as a sentence. */
  reason: string;
  /** The graphics adapter's name (webgpu only). */
  adapter?: string;
  /** The number of threads that compute (wasm only). */
  threads?: number;
}

type Started = Pick<StartedBackend, 'adapter' | 'threads'>;

/** Fastest first. */
const preference: BackendName[] = ['webgpu', 'wasm', 'cpu'];

async function start(name: BackendName, options: BackendOptions, hardwareOnly: boolean): Promise<Started> {
  const packages = { ...installedPackages, ...options.packages };
  if (name === 'webgpu') return { adapter: await startWebgpu(packages, hardwareOnly) };
  if (name === 'wasm') return { threads: await startWasm(packages, options) };
  if (!tf.findBackendFactory('cpu')) await load(packages, '@tensorflow/tfjs-backend-cpu');
  await activate('cpu', 'reinstall @tensorflow/tfjs-backend-cpu.');
  return {};
}

async function startFastest(options: BackendOptions): Promise<StartedBackend> {
  const passedOver: string[] = [];
  for (const name of preference) {
    try {
      const started = await start(name, options, true);
      return { name, reason: ['the fastest that starts here', ...passedOver].join('; '), ...started };
    } catch (error) {
      if (!(error instanceof PeftError)) throw error;
      passedOver.push(`no ${name}: ${error.message}`);
    }
  }
  throw new PeftError('missing', `No TensorFlow.js backend could be started. ${passedOver.join('; ')}`);
}

/**
 * Starts a TensorFlow.js backend, makes it the current one and registers the gradients of all ops.
 *
 * `auto` tries webgpu, wasm and cpu in this order, takes the first that starts, and skips software graphics adapters. In
 * Node, webgpu needs the package `webgpu`. Calling it again is cheap and switches backends.
 *
 * @throws PeftError `missing` if a package or an adapter is not found; `state` if the backend does not start
 */
export async function startBackend(
  name: BackendName | 'auto' = 'auto',
  options: BackendOptions = {},
): Promise<StartedBackend> {
  registerGradients();
  if (name === 'auto') return startFastest(options);
  return { name, reason: 'asked for', ...(await start(name, options, false)) };
}
