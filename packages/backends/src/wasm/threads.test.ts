import { attention, disposeModule, gelu, initialize, key, Linear, layerNorm, linear } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { afterEach, expect, test, vi } from 'vitest';
import { startBackend } from '../index.ts';

const factory = tf.findBackendFactory('wasm');

const random = (shape: number[], seed: number): tf.Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  tf.removeBackend('wasm');
  tf.registerBackend('wasm', factory, 2);
});

interface Op {
  shapes: number[][];
  f(...xs: tf.Tensor[]): tf.Tensor;
}

/** Ops large enough to be shared, with sizes that no number of threads divides, and their gradients. */
const ops: Record<string, Op> = {
  'a tall product': {
    shapes: [
      [1571, 61],
      [61, 131],
    ],
    f: (a, b) => tf.matMul(a, b),
  },
  'a wide product': {
    shapes: [
      [9, 1571],
      [9, 1201],
    ],
    f: (a, b) => tf.matMul(a, b, true),
  },
  'a batch by a batch': {
    shapes: [
      [7, 64, 197],
      [7, 64, 131],
    ],
    f: (a, b) => tf.matMul(a, b, true),
  },
  linear: { shapes: [[7, 197, 61], [61, 203], [203]], f: (x, w, b) => linear(x, w, b) },
  attention: { shapes: Array(3).fill([3, 5, 197, 19]), f: (q, k, v) => attention(q, k, v, 0.3) },
  'layer norm': { shapes: [[1571, 193], [193], [193]], f: (x, g, b) => layerNorm(x, g, b, 1e-6) },
  sums: {
    shapes: [
      [331, 1009],
      [331, 1009],
    ],
    f: (a, b) => tf.add(a, b),
  },
  gelu: { shapes: [[331, 1009]], f: x => gelu(x) },
  softmax: { shapes: [[1571, 197]], f: x => tf.softmax(x) },
  heads: { shapes: [[7, 197, 3, 64]], f: x => tf.transpose(x, [0, 2, 1, 3]) },
  'a batch of transposes': { shapes: [[7, 197, 211]], f: x => tf.transpose(x, [0, 2, 1]) },
  'one after another': { shapes: [[3, 211, 197]], f: x => tf.stack(tf.unstack(x).reverse()) },
  parts: { shapes: [[7, 197, 192]], f: x => tf.concat(tf.split(x, 3, 2).reverse(), 2) },
};

/** The values of all, and of a linear map in 8 bits, and of all their gradients. */
async function results(): Promise<Map<string, Float32Array[]>> {
  const found = new Map<string, Float32Array[]>();
  const layer = initialize(new Linear(61, 203), key(1));
  layer.weight.quantize();
  const inEightBits: Op = { shapes: [[7, 197, 61]], f: x => layer.call(x) };
  for (const [name, { shapes, f }] of Object.entries({ ...ops, 'linear in 8 bits': inEightBits })) {
    const outputs = tf.tidy(() => {
      const inputs = shapes.map((shape, i) => random(shape, 1 + i));
      const y = f(...inputs);
      return [y, ...tf.grads((...xs: tf.Tensor[]) => tf.sum(tf.mul(f(...xs), random(y.shape, 9))))(inputs)];
    });
    found.set(name, await Promise.all(outputs.map(async output => (await output.data()) as Float32Array)));
    tf.dispose(outputs);
  }
  disposeModule(layer);
  return found;
}

test('any number of threads computes the same, bit for bit', async () => {
  expect(await startBackend('wasm', { threads: 3 })).toMatchObject({ threads: 3 });
  const byThree = await results();
  expect(await startBackend('wasm', { threads: 2 })).toMatchObject({ threads: 2 });
  const byTwo = await results();
  expect(await startBackend('wasm', { threads: 1 })).toMatchObject({ threads: 1 });
  const byOne = await results();
  for (const [name, values] of byOne) {
    values.forEach((expected, i) => {
      for (const found of [byTwo, byThree]) {
        expect(Buffer.compare(Buffer.from(found.get(name)![i].buffer), Buffer.from(expected.buffer)), name).toBe(0);
      }
    });
  }
});

test('the memory grows while helpers are idle', async () => {
  await startBackend('wasm', { threads: 2 });
  const { memory } = (tf.backend() as unknown as { wasm: { asm: { memory: WebAssembly.Memory } } }).wasm.asm;
  const before = memory.buffer.byteLength;
  const product = await tf.tidy(() => {
    const kept = Array.from({ length: 20 }, (_, i) => tf.fill([1000, 1000], i));
    return tf.matMul(kept[2] as tf.Tensor2D, kept[3] as tf.Tensor2D);
  });
  expect(memory.buffer.byteLength).toBeGreaterThan(before);
  expect(new Set(await product.data())).toEqual(new Set([6000]));
  product.dispose();
});

test('a page that is not isolated computes in one thread', async () => {
  vi.stubGlobal('crossOriginIsolated', false);
  expect(await startBackend('wasm', { threads: 2 })).toMatchObject({ threads: 1 });
  expect((await tf.ones([2, 2]).data())[3]).toBe(1);
});

test('if no helper starts, one thread computes, with a warning', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const threads = globalThis.process.getBuiltinModule('node:worker_threads');
  vi.spyOn(threads, 'Worker').mockImplementation(
    (() => new threads.Worker('throw new Error("no room")', { eval: true })) as never,
  );
  expect(await startBackend('wasm', { threads: 2 })).toMatchObject({ threads: 1 });
  expect(warn.mock.calls.flat().join()).toContain('no room');
});

test.each([0, -1, 1.5, Number.NaN])('%d threads are refused', async threads => {
  await expect(startBackend('wasm', { threads })).rejects.toMatchObject({ code: 'bad-argument' });
});

test('the kernels of TensorFlow.js compute in one thread, in memory of their own', async () => {
  expect(await startBackend('wasm', { kernels: 'stock', threads: 2 })).toMatchObject({ threads: 1 });
  const { memory } = (tf.backend() as unknown as { wasm: { asm: { memory: WebAssembly.Memory } } }).wasm.asm;
  expect(memory.buffer).toBeInstanceOf(ArrayBuffer);
});
