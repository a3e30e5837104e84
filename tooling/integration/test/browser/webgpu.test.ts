import { startBackend } from '@peft/backends';
import { onnxWebEngine } from '@peft/compile';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { withDevice } from '../../../../packages/compile/test/with-device.ts';
import { watchTraffic } from './traffic.ts';

beforeAll(async () => {
  await startBackend('cpu');
});

const inputs = { x: { data: Float32Array.of(3), shape: [1] } };

test('a run in which WebGPU refuses something fails, and the next one is its own', async () => {
  const [engine, device] = await withDevice(() => onnxWebEngine({ provider: 'webgpu' }));
  expect(engine.name).toBe('onnxruntime-web (webgpu, jspi build)');
  const square = engine.compile(({ x }) => ({ y: tf.square(x) }));
  device.createShaderModule({ code: 'no shader' });
  await expect(square.run(inputs)).rejects.toThrow(/WebGPU refused a part of the step: .*pars/);
  expect((await square.run(inputs)).y.data).toEqual(Float32Array.of(9));
  await engine.dispose();
});

test('weights go to the graphics processor once, and state stays there until it is asked for', async () => {
  const [engine, device] = await withDevice(() => onnxWebEngine({ provider: 'webgpu' }));
  const [weight, state] = [tf.variable(tf.fill([4000], 2)), tf.variable(tf.zeros([4000]))];
  const step = engine.compile(({ x }) => {
    state.assign(tf.add(state, tf.mul(weight, x)));
    return { sum: tf.sum(state) };
  });
  const traffic = watchTraffic(device);
  const large = (transfers: number[]): number => transfers.splice(0).filter(bytes => bytes >= 16_000).length;
  try {
    await step.run(inputs);
    expect(large(traffic.sent)).toBeGreaterThanOrEqual(2);
    for (const times of [2, 3]) expect((await step.run(inputs)).sum.data[0]).toBe(4000 * 6 * times);
    expect([large(traffic.sent), large(traffic.fetched)]).toEqual([0, 0]);
    await engine.sync();
    expect([...(await state.data())]).toEqual(Array(4000).fill(18));
    expect((await step.run(inputs)).sum.data[0]).toBe(4000 * 6 * 4);
  } finally {
    await engine.dispose();
    tf.dispose([weight, state]);
  }
});
