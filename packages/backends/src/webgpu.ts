import { PeftError } from '@peft/core';
import { requestGpuDevice } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { activate } from './activate.ts';
import { findGpu } from './dawn.ts';
import { load, type Packages } from './packages.ts';

const softwareRenderers = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;

const adapterName = (info: GPUAdapterInfo): string =>
  info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(' ') || 'unnamed adapter';

/** Whether an adapter computes on the CPU, about a hundred times slower than wasm. */
export const isSoftware = (info: GPUAdapterInfo): boolean =>
  info.isFallbackAdapter === true ||
  softwareRenderers.test([info.vendor, info.architecture, info.device, info.description].join(' '));

/** The adapter of a running backend. */
function runningInfo(): GPUAdapterInfo | undefined {
  const backend: object | undefined = tf.engine().registry.webgpu;
  return backend && 'device' in backend ? (backend.device as GPUDevice).adapterInfo : undefined;
}

function refuseSoftware(info: GPUAdapterInfo, hardwareOnly: boolean): void {
  if (!hardwareOnly || !isSoftware(info)) return;
  throw new PeftError(
    'not-supported',
    `the adapter "${adapterName(info)}" is a software renderer, slower than wasm; ask for 'webgpu' by name to use it`,
  );
}

/**
 * Starts WebGPU and returns the adapter's name. `hardwareOnly` refuses software adapters before anything global changes.
 */
export async function startWebgpu(packages: Packages, hardwareOnly: boolean): Promise<string> {
  const running = runningInfo();
  if (running) {
    refuseSoftware(running, hardwareOnly);
    await activate('webgpu', 'reload to start again.');
    return adapterName(running);
  }

  const { gpu, install } = await findGpu(packages);
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new PeftError('missing', 'no WebGPU adapter was found; install a graphics driver (Vulkan, Metal or D3D12).');
  }
  refuseSoftware(adapter.info, hardwareOnly);

  install();
  const { WebGPUBackend } = await load(packages, '@tensorflow/tfjs-backend-webgpu');
  const device = await requestGpuDevice(adapter);
  if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu'); // tfjs' own asks for fewer features and limits
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, adapter.info), 3);
  await activate('webgpu', 'update the graphics driver.');
  return adapterName(adapter.info);
}
