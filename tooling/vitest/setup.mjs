import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { configureGlobal } from 'fast-check';
import { afterAll, beforeAll } from 'vitest';

/** Property tests draw the same cases each time; another `PEFT_SEED` draws others. */
configureGlobal({ seed: Number(process.env.PEFT_SEED ?? 1) });

/** Refuses unseeded random numbers, with which a test may fail for no reason. Modules draw some while they load. */
beforeAll(() => {
  Math.random = () => {
    throw new Error('A test asked for an unseeded random number; give the initializer, or whatever draws it, a seed.');
  };
});

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
