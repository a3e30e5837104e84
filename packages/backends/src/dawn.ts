import * as tf from '@tensorflow/tfjs-core';
import { load, type Packages } from './packages.ts';

/** The browser's WebGPU, or Dawn's in Node; `install` puts Dawn where web code looks for it. */
export interface GpuSource {
  gpu: GPU | undefined;
  install(): void;
}

export async function findGpu(packages: Packages): Promise<GpuSource> {
  const own = globalThis.navigator?.gpu;
  if (own || !tf.env().getBool('IS_NODE')) return { gpu: own, install() {} };
  const { create, globals } = await load(packages, 'webgpu');
  const gpu = create([]);
  return { gpu, install: () => installDawn(gpu, globals) };
}

/** Node 20 has no `navigator`; later versions have a getter whose object accepts new properties. */
function installDawn(gpu: GPU, globals: object): void {
  Object.assign(globalThis, globals);
  const descriptor = { configurable: true, writable: true };
  if (globalThis.navigator) Object.defineProperty(globalThis.navigator, 'gpu', { ...descriptor, value: gpu });
  else Object.defineProperty(globalThis, 'navigator', { ...descriptor, value: { gpu } });
}
