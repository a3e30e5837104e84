import { existsSync } from 'node:fs';
import { PeftError } from '@peft/core';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, test } from 'vitest';
import { type BackendOptions, startBackend } from './index.ts';
import { isSoftware } from './webgpu.ts';

const softwareVulkan = '/usr/lib/chromium/vk_swiftshader_icd.json';
const noDriver = !existsSync(softwareVulkan);
if (!noDriver) process.env.VK_DRIVER_FILES ??= softwareVulkan;

const wasmFactory = tf.findBackendFactory('wasm');

const notInstalled = async (): Promise<never> => {
  throw new Error("Cannot find package 'x'");
};
const noDawn: BackendOptions = { packages: { webgpu: notInstalled } };

/** d/dx sum((x W)^2) = 2 x W W^T, so a matmul and its gradient ran. */
async function gradient(): Promise<number[]> {
  const grad = tf.tidy(() => {
    const w = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    return tf.grad((x: tf.Tensor) => tf.sum(tf.square(tf.matMul(x as tf.Tensor2D, w))))(tf.tensor2d([[1, -1]]));
  });
  const values = [...(await grad.data())];
  grad.dispose();
  return values;
}

/** Removes the backends that a test started, except wasm: its package registers it only once. */
afterEach(() => {
  if (tf.findBackendFactory('wasm')) tf.removeBackend('wasm');
  tf.registerBackend('wasm', wasmFactory, 2);
  if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
  Reflect.deleteProperty(globalThis.navigator ?? {}, 'gpu');
});

describe.each(['cpu', 'wasm', 'webgpu'] as const)('%s', name => {
  const skipped = name === 'webgpu' && noDriver;

  test.skipIf(skipped)(`computes and differentiates${skipped ? ` (no ${softwareVulkan})` : ''}`, async () => {
    const started = await startBackend(name);
    expect(started).toMatchObject({ name, reason: 'asked for' });
    expect(Boolean(started.adapter)).toBe(name === 'webgpu');
    expect(tf.getBackend()).toBe(name);
    expect(await gradient()).toEqual([-12, -28]);
  });

  test.skipIf(skipped)('can be started twice, and again after another', async () => {
    const first = await startBackend(name);
    const backend = tf.backend();
    expect(await startBackend(name)).toEqual(first);
    await startBackend('cpu');
    expect(await startBackend(name)).toEqual(first);
    expect(tf.backend()).toBe(backend);
  });
});

describe('auto', () => {
  test('picks wasm without Dawn, and reports why not webgpu', async () => {
    const { name, reason } = await startBackend('auto', noDawn);
    expect(name).toBe('wasm');
    expect(reason).toContain('no webgpu: webgpu could not be loaded');
  });

  test.skipIf(noDriver)('passes over a software adapter and leaves nothing of it behind', async () => {
    const { name, reason } = await startBackend('auto');
    expect(name).toBe('wasm');
    expect(reason).toMatch(/software renderer|no WebGPU adapter/);
    expect(globalThis.navigator?.gpu).toBeUndefined();
  });

  test('picks cpu when nothing else is installed', async () => {
    tf.removeBackend('wasm');
    const packages = { ...noDawn.packages, '@tensorflow/tfjs-backend-wasm': notInstalled };
    const { name, reason } = await startBackend('auto', { packages });
    expect(name).toBe('cpu');
    expect(reason).toContain('no wasm: @tensorflow/tfjs-backend-wasm could not be loaded');
  });
});

describe('what is missing', () => {
  const names = ['@tensorflow/tfjs-backend-wasm', ...(noDriver ? [] : ['@tensorflow/tfjs-backend-webgpu'])];

  test.each(names)('%s', async name => {
    if (tf.findBackendFactory('wasm')) tf.removeBackend('wasm');
    const started = startBackend(name.endsWith('wasm') ? 'wasm' : 'webgpu', { packages: { [name]: notInstalled } });
    await expect(started).rejects.toThrow(PeftError);
    await expect(started).rejects.toMatchObject({
      code: 'missing',
      message: `${name} could not be loaded (Cannot find package 'x'); install it: npm install ${name}`,
    });
  });

  test('an adapter', async () => {
    const gpu = { requestAdapter: async () => null } as unknown as GPU;
    const packages = { webgpu: async () => ({ create: () => gpu, globals: {} }) };
    await expect(startBackend('webgpu', { packages })).rejects.toThrow('no WebGPU adapter was found');
  });
});

test('a failed start keeps the previous backend', async () => {
  await startBackend('cpu');
  tf.removeBackend('wasm');
  tf.registerBackend('wasm', () => Promise.reject(new Error('no file')));
  await expect(startBackend('wasm')).rejects.toMatchObject({ code: 'state' });
  expect(tf.getBackend()).toBe('cpu');
  expect(await gradient()).toEqual([-12, -28]);
});

test('software adapters are recognized by flag and by name', () => {
  const info = (given: Partial<GPUAdapterInfo>) =>
    ({ vendor: '', architecture: '', device: '', ...given }) as GPUAdapterInfo;
  expect(isSoftware(info({ isFallbackAdapter: true }))).toBe(true);
  expect(isSoftware(info({ description: 'llvmpipe (LLVM 15.0.6, 256 bits)' }))).toBe(true);
  expect(isSoftware(info({ architecture: 'swiftshader' }))).toBe(true);
  expect(isSoftware(info({ vendor: 'nvidia', architecture: 'hopper', description: 'NVIDIA H200' }))).toBe(false);
});
