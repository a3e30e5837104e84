import { startBackend } from '@peft/backends';
import { onnxWebEngine } from '@peft/compile';
import * as tf from '@tensorflow/tfjs-core';
import { env } from 'onnxruntime-web';
import { expect, test } from 'vitest';

const inputs = { x: { data: Float32Array.of(3), shape: [1] } };

test('a run in which WebGPU refuses something fails, and the next one is its own', async () => {
  await startBackend('cpu');
  const engine = await onnxWebEngine({ provider: 'webgpu' });
  expect(engine.name).toBe('onnxruntime-web (webgpu)');
  const square = engine.compile(({ x }) => ({ y: tf.square(x) }));
  const device: { createShaderModule(shader: { code: string }): void } = await env.webgpu.device;
  device.createShaderModule({ code: 'no shader' });
  await expect(square.run(inputs)).rejects.toThrow(/WebGPU refused a part of the step: .*pars/);
  expect((await square.run(inputs)).y.data).toEqual(Float32Array.of(9));
  await engine.dispose();
});
