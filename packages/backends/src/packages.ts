import { PeftError } from '@peft/core';
import type { KernelBackend } from '@tensorflow/tfjs-core';

/** The part of `@tensorflow/tfjs-backend-wasm` used here. */
export interface WasmPackage {
  setWasmPaths(folderOrFiles: string | Record<string, string>, usePlatformFetch?: boolean): void;
}

/** The part of `@tensorflow/tfjs-backend-webgpu` used here. */
export interface WebgpuPackage {
  WebGPUBackend: new (device: GPUDevice, info: GPUAdapterInfo) => KernelBackend;
}

/** The part of `webgpu` (Dawn for Node) used here. */
export interface DawnPackage {
  create(options: string[]): GPU;
  globals: object;
}

/** How each optional package is imported. */
export interface Packages {
  '@tensorflow/tfjs-backend-cpu': () => Promise<unknown>;
  '@tensorflow/tfjs-backend-wasm': () => Promise<WasmPackage>;
  '@tensorflow/tfjs-backend-webgpu': () => Promise<WebgpuPackage>;
  webgpu: () => Promise<DawnPackage>;
}

/** The installed packages. Bundlers must not see Dawn's name: they would put a native addon into a web page. */
export const installedPackages: Packages = {
  '@tensorflow/tfjs-backend-cpu': () => import('@tensorflow/tfjs-backend-cpu'),
  '@tensorflow/tfjs-backend-wasm': () => import('@tensorflow/tfjs-backend-wasm'),
  '@tensorflow/tfjs-backend-webgpu': () => import('@tensorflow/tfjs-backend-webgpu'),
  webgpu: () => {
    const name: string = 'webgpu';
    return import(/* @vite-ignore */ /* webpackIgnore: true */ name);
  },
};

/** Imports an optional package, or throws a `missing` error that says how to install it. */
export async function load<Name extends keyof Packages>(
  packages: Packages,
  name: Name,
): Promise<Awaited<ReturnType<Packages[Name]>>>;
export async function load(packages: Packages, name: keyof Packages): Promise<unknown> {
  try {
    return await packages[name]();
  } catch (cause) {
    const found = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new PeftError('missing', `${name} could not be loaded (${found}); install it: npm install ${name}`, {
      cause,
    });
  }
}
