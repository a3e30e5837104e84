import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test, vi } from 'vitest';
import { startBackend } from '../index.ts';

vi.mock('@tensorflow/tfjs-core', async original => ({ ...(await original<typeof tf>()), version_core: '4.23.0' }));

test('another version of TensorFlow.js keeps its kernels, with a warning', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  expect(await startBackend('wasm')).toMatchObject({ name: 'wasm', threads: 1 });
  expect(warn.mock.calls.flat().join()).toContain(
    'This is TensorFlow.js 4.23.0; the fast kernels need the internals of 4.22.',
  );
  expect(tf.getKernel('PeftGelu', 'wasm')).toBeUndefined();
});
