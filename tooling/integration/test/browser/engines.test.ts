import { startBackend } from '@peft/backends';
import { onnxWebEngine } from '@peft/compile';
import { type CompiledStep, type Engine, eagerEngine, type Step } from '@peft/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { withDevice } from '../../../../packages/compile/test/with-device.ts';
import { methods } from '../models.ts';
import { expectSame, expectSameInEightBits, train } from '../runs.ts';
import { type Traffic, watchTraffic } from './traffic.ts';

test('this is a browser', async () => {
  expect(typeof document).toBe('object');
});

/** Counts what each run fetches from the graphics processor beside its outputs. */
function counting(engine: Engine, { fetched }: Traffic, counts: number[]): Engine {
  const compile = engine.compile.bind(engine);
  return Object.assign(engine, {
    compile(step: Step): CompiledStep {
      const compiled = compile(step);
      const run: CompiledStep['run'] = async (...given) => {
        fetched.length = 0;
        const outputs = await compiled.run(...given);
        counts.push(fetched.length - Object.keys(outputs).length);
        return outputs;
      };
      return { ...compiled, run };
    },
  });
}

test.each(['wasm', 'webgpu'] as const)('a Swin trains in onnxruntime-web on %s', async provider => {
  await startBackend('cpu');
  const expected = await train(eagerEngine(), 'swin', 'lora', { steps: 10 });
  expectSame(
    await train(await onnxWebEngine({ provider, threads: 1, hostFallback: false }), 'swin', 'lora', { steps: 10 }),
    expected,
  );
});

test('frozen weights may be kept in half precision', async () => {
  await startBackend('cpu');
  const { losses } = await train(eagerEngine(), 'vit', 'lora', { steps: 10 });
  const half = await train(await onnxWebEngine({ threads: 1, frozenDtype: 'f16' }), 'vit', 'lora', { steps: 10 });
  const differences = half.losses.map((loss, i) => Math.abs(loss - losses[i]) / losses[i]);
  expect(Math.max(...differences)).toBeLessThan(1e-2);
  expect(Math.max(...differences)).toBeGreaterThan(0);
});

test.each(['vit', 'swin'] as const)(
  'a %s whose frozen weights are in 8 bits has the same losses on wasm and cpu',
  async architecture => {
    await startBackend('cpu');
    const expected = await train(eagerEngine(), architecture, 'lora', { steps: 20, isQuantized: true });
    await startBackend('wasm');
    expectSameInEightBits(await train(eagerEngine(), architecture, 'lora', { steps: 20, isQuantized: true }), expected);
  },
);

describe.each(Object.keys(methods))('%s', name => {
  let expected: Awaited<ReturnType<typeof train>>;
  beforeAll(async () => {
    await startBackend('cpu');
    expected = await train(eagerEngine(), 'vit', name, { steps: 10 });
  });

  test('trains eagerly on wasm', async () => {
    await startBackend('wasm');
    expectSame(await train(eagerEngine(), 'vit', name, { steps: 10 }), expected);
  });

  test('trains in onnxruntime-web on wasm', async () => {
    expectSame(await train(await onnxWebEngine({ threads: 1 }), 'vit', name, { steps: 10 }), expected);
  });

  test('trains in onnxruntime-web on WebGPU, without a detour through the host', async () => {
    const [engine, device] = await withDevice(() => onnxWebEngine({ provider: 'webgpu', hostFallback: false }));
    const detours: number[] = [];
    const counted = counting(engine, watchTraffic(device), detours);
    expectSame(await train(counted, 'vit', name, { steps: 10 }), expected);
    expect(detours.length).toBeGreaterThanOrEqual(10); // more where a stage measures the model
    expect(detours.filter(count => count !== 0)).toEqual([]);
  });
});
