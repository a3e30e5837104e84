import { startBackend } from '@peft/backends';
import { pickWebEngine } from '@peft/compile';
import type { Engine } from '@peft/core';
import { backbone } from '@peft/testing';
import { type TrainEvent, Trainer } from '@peft/train';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { methods, pictures, withAdapters } from '../models.ts';

beforeAll(async () => {
  await startBackend('cpu');
});

/** What the engines of a test were called. */
let names: string[] = [];
afterEach(() => {
  names = [];
});

async function* trial(engine: Engine): AsyncGenerator<TrainEvent> {
  names.push(engine.name);
  const base = backbone('vit');
  const model = await withAdapters(base, { default: methods.lora([...base.classifiers]) });
  const trainer = new Trainer({ model, engine, source: pictures(2), optimizer: { lr: 2e-3 }, epochs: 4 });
  try {
    yield* trainer.run();
  } finally {
    await trainer.dispose();
    model.dispose();
  }
}

const isOnGpu = (engine: Engine): boolean => engine.name.includes('webgpu');

/** A trial that takes so long a step. */
const lasting = (onGpu: number, onHost: number) =>
  async function* (engine: Engine) {
    names.push(engine.name);
    for (const slower of [100, 0, 1, 0]) yield { type: 'step', ms: (isOnGpu(engine) ? onGpu : onHost) + slower };
  };

test('picks the faster by steps of a real model, of one build', async () => {
  const { engine, chosen, reason, timings } = await pickWebEngine(trial, { threads: 1 });
  expect(names).toEqual(['onnxruntime-web (wasm, jspi build, 1 thread)', 'onnxruntime-web (webgpu, jspi build)']);
  const faster = Number(timings.webgpu) < Number(timings.wasm) ? 'webgpu' : 'wasm';
  expect(chosen).toBe(faster);
  expect(engine.name).toContain(`(${faster}`);
  expect(reason).toMatch(/^A step takes [\d.]+ ms on WebGPU and [\d.]+ ms on wasm\.$/);
  const losses: number[] = [];
  for await (const event of trial(engine)) if (event.type === 'step') losses.push(event.loss);
  expect(losses).toHaveLength(8);
  await engine.dispose();
});

test.each([
  ['webgpu', 10, 20],
  ['wasm', 20, 10],
] as const)('the first step and outliers do not count: %s', async (faster, onGpu, onHost) => {
  const worker = () => new Worker(new URL('./step.worker.ts', import.meta.url), { type: 'module' });
  const { engine, chosen, timings } = await pickWebEngine(lasting(onGpu, onHost), { worker });
  expect({ chosen, timings }).toEqual({ chosen: faster, timings: { webgpu: onGpu, wasm: onHost } });
  expect(engine.name).toMatch(new RegExp(`\\(${faster}.*, in a worker\\)`));
  await engine.dispose();
});

test('it is wasm where WebGPU fails, and says why', async () => {
  const { engine, ...picked } = await pickWebEngine(async function* (engine) {
    if (isOnGpu(engine)) throw new Error('out of memory');
    yield* lasting(1, 2)(engine);
  });
  expect(picked).toEqual({ chosen: 'wasm', reason: 'WebGPU fails here: out of memory', timings: { wasm: 2 } });
  await engine.dispose();
});

test.each([
  ['gpu', undefined, 'There is no WebGPU here.'],
  ['userAgent', 'Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X)', /^On iOS/],
])('without a trial it is wasm, by navigator.%s', async (property, value, why) => {
  Object.defineProperty(navigator, property, { value, configurable: true });
  try {
    const { engine, chosen, reason, timings } = await pickWebEngine(trial);
    expect(names).toEqual([]);
    expect({ chosen, reason, timings }).toEqual({ chosen: 'wasm', reason: expect.stringMatching(why), timings: {} });
    expect(engine.name).toMatch(/^onnxruntime-web \(wasm, \d thread/);
    await engine.dispose();
  } finally {
    Reflect.deleteProperty(navigator, property);
  }
});

test('a trial that is too short, or tells no times, is refused', async () => {
  const short = pickWebEngine(async function* () {
    yield { type: 'step', ms: 1 };
    yield { type: 'epoch' };
  });
  await expect(short).rejects.toThrow('A trial needs 4 steps; it ended after 1.');
  const timeless = pickWebEngine(async function* () {
    for (let i = 0; i < 4; i++) yield { type: 'step' };
  });
  await expect(timeless).rejects.toThrow(/lacks `ms`/);
});
