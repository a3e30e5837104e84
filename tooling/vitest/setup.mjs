import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll } from 'vitest';

/** Makes the backend named by `PEFT_BACKEND` the current one, before any test of the file runs. */
const backend = process.env.PEFT_BACKEND ?? 'cpu';

if (backend === 'wasm') await import('@tensorflow/tfjs-backend-wasm');
if (backend === 'webgpu') {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([]) }, configurable: true, writable: true });
  await import('@tensorflow/tfjs-backend-webgpu');
}
if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js could not start its ${backend} backend.`);
await tf.ready();

afterAll(() => {
  if (backend === 'webgpu') tf.removeBackend('webgpu');
});
