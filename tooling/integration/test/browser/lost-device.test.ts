import { startBackend } from '@peft/backends';
import { onnxWebEngine } from '@peft/compile';
import type { CompiledStep, Engine } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { withDevice } from '../../../../packages/compile/test/with-device.ts';

beforeAll(async () => {
  await startBackend('cpu');
});

const x = { data: Float32Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i) / 64), shape: [64, 64] };

/** Long enough to be interrupted. */
const powers = (engine: Engine): CompiledStep =>
  engine.compile(({ x }) => {
    let power = x;
    for (let i = 0; i < 30; i++) power = tf.add(tf.matMul(power, x), x);
    return { sum: tf.sum(power) };
  });

const lost = expect.objectContaining({ name: 'PeftError', code: 'device-lost' });

test('a step fails with an error of its own when the device is lost, and another engine goes on', async () => {
  const [engine, device] = await withDevice(() => onnxWebEngine({ provider: 'webgpu' }));
  const step = powers(engine);
  const { sum } = await step.run({ x });
  device.destroy();
  await expect(step.run({ x })).rejects.toThrow(lost);
  await expect(engine.compile(({ x }) => ({ x })).run({ x })).rejects.toThrow(lost);
  await engine.dispose();

  for (const provider of ['webgpu', 'wasm'] as const) {
    const next = await onnxWebEngine({ provider, build: 'jspi' });
    expect((await powers(next).run({ x })).sum.data[0]).toBeCloseTo(sum.data[0], 3);
    await next.dispose();
  }
});

test('so does a step that is under way', async () => {
  const [engine, device] = await withDevice(() => onnxWebEngine({ provider: 'webgpu' }));
  const step = powers(engine);
  await step.run({ x });
  const running = step.run({ x });
  await new Promise(resolve => setTimeout(resolve));
  device.destroy();
  await expect(running).rejects.toThrow(lost);
  await engine.dispose();
});

test('so does one in a worker', async () => {
  const worker = new Worker(new URL('./losing.worker.ts', import.meta.url), { type: 'module' });
  const engine = await onnxWebEngine({ provider: 'webgpu', worker });
  const step = powers(engine);
  await step.run({ x });
  const channel = new BroadcastChannel('lose');
  channel.postMessage('now');
  await expect.poll(() => step.run({ x }).catch((error: unknown) => error), { timeout: 60_000 }).toEqual(lost);
  channel.close();
  await engine.dispose();
});
