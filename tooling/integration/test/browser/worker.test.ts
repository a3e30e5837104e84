import { startBackend } from '@peft/backends';
import { onnxWebEngine } from '@peft/compile';
import { eagerEngine } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { expectSame, train } from '../runs.ts';

const stepWorker = () => new Worker(new URL('./step.worker.ts', import.meta.url), { type: 'module' });

beforeAll(async () => {
  await startBackend('cpu');
});

const providers = [
  ['wasm', 'wasm, 1 thread'],
  ['webgpu', 'webgpu, jspi build'],
] as const;
test.each(providers)('trains on %s in a worker', async (provider, computing) => {
  const engine = await onnxWebEngine({ worker: stepWorker(), provider, threads: 1 });
  expect(engine.name).toBe(`onnxruntime-web (${computing}, in a worker)`);
  const expected = await train(eagerEngine(), 'vit', 'lora', { steps: 10 });
  expectSame(await train(engine, 'vit', 'lora', { steps: 10 }), expected);
});

test('the page goes on while a step is computed', async () => {
  const engine = await onnxWebEngine({ worker: stepWorker(), threads: 1 });
  const x = { data: new Float32Array(512 * 512).fill(1e-3), shape: [512, 512] };
  const powers = engine.compile(({ x }) => {
    let power = x;
    for (let i = 0; i < 40; i++) power = tf.matMul(power, x);
    return { sum: tf.sum(power) };
  });
  await powers.run({ x });
  let done = false;
  const running = powers.run({ x }).then(() => {
    done = true;
  });
  let turns = 0;
  while (!done) {
    await new Promise(resolve => setTimeout(resolve));
    turns++;
  }
  await running;
  expect(turns).toBeGreaterThan(10);
  await engine.dispose();
});

test('what fails in the worker fails here, with its reason', async () => {
  const broken = new Worker(URL.createObjectURL(new Blob(['throw new Error("no such worker")'])), { type: 'module' });
  await expect(onnxWebEngine({ worker: broken })).rejects.toThrow(/must be a module worker/);
  const misled = onnxWebEngine({ worker: stepWorker(), provider: 'none' as 'wasm' });
  await expect(misled).rejects.toThrow(expect.objectContaining({ name: 'PeftError', code: 'not-supported' }));
});
