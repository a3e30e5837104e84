import { startBackend } from '@peft/backends';
import { onnxWebEngine } from '@peft/compile';
import { eagerEngine } from '@peft/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectSameLosses, train } from '../losses.ts';
import { methods } from '../models.ts';

test('this is a browser, and its wasm backend has our kernels', async () => {
  expect(typeof document).toBe('object');
  expect(await startBackend('wasm')).toMatchObject({ name: 'wasm', reason: 'asked for' });
});

describe.each(Object.keys(methods))('%s', name => {
  let expected: Awaited<ReturnType<typeof train>>;
  beforeAll(async () => {
    await startBackend('cpu');
    expected = await train(eagerEngine(), 'vit', name, { steps: 10 });
  });

  test('trains eagerly on wasm', async () => {
    await startBackend('wasm');
    expectSameLosses(await train(eagerEngine(), 'vit', name, { steps: 10 }), expected);
  });

  test('trains in onnxruntime-web on wasm', async () => {
    expectSameLosses(await train(await onnxWebEngine({ threads: 1 }), 'vit', name, { steps: 10 }), expected);
  });

  test('trains in onnxruntime-web on WebGPU', async () => {
    const engine = await onnxWebEngine({ provider: 'webgpu' });
    expectSameLosses(await train(engine, 'vit', name, { steps: 10 }), expected);
  });
});
