import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startBackend } from '../index.ts';
import { fastKernels } from './kernels/index.ts';

const registered = (): Map<string, tf.KernelConfig | undefined> =>
  new Map(fastKernels.map(({ name }) => [name, tf.getKernel(name, 'wasm')]));

const backendIds = (): number => tf.engine().backend.numDataIds();

beforeEach(async () => {
  await startBackend('wasm', { kernels: 'stock' });
});

afterEach(() => vi.restoreAllMocks());

test('switching between fast and stock kernels restores each', async () => {
  const stock = registered();
  await startBackend('wasm');
  const fast = registered();
  for (const [name, kernel] of fast) expect(kernel, name).not.toBe(stock.get(name));
  await startBackend('wasm');
  expect(registered()).toEqual(fast);
  await startBackend('wasm', { kernels: 'stock' });
  expect(registered()).toEqual(stock);
});

test('kernels are removed with their backend and installed with the next', async () => {
  const stock = registered();
  await startBackend('wasm');
  const factory = tf.findBackendFactory('wasm');
  tf.removeBackend('wasm');
  expect(registered()).toEqual(stock);
  tf.registerBackend('wasm', factory);
  await startBackend('wasm');
  const product = tf.matMul(tf.ones([3, 4]), tf.ones([3, 4]), false, true);
  expect([...(await product.data())]).toEqual(Array(9).fill(4));
});

describe('a different build of tfjs', () => {
  test.each([
    ['wasm.asm.memory', (backend: { wasm: object }) => ({ ...backend.wasm, asm: {} })],
    ['wasm._malloc', (backend: { wasm: object }) => ({ ...backend.wasm, _malloc: undefined })],
  ])('without %s keeps its kernels, with a warning', async (what, change) => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const stock = registered();
    const backend = tf.backend() as tf.KernelBackend & { wasm: object };
    const { wasm } = backend;
    backend.wasm = change(backend);
    await startBackend('wasm');
    backend.wasm = wasm;
    expect(warn.mock.calls.flat().join()).toContain(`has no ${what};`);
    expect(registered()).toEqual(stock);
  });

  test('with tensors in another memory keeps its kernels, with a warning', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const stock = registered();
    const backend = tf.backend() as tf.KernelBackend & { wasm: object };
    const { wasm } = backend;
    backend.wasm = Object.create(wasm, {
      asm: { value: { memory: new WebAssembly.Memory({ initial: 2048, maximum: 2048 }) } },
    });
    await startBackend('wasm');
    backend.wasm = wasm;
    expect(warn.mock.calls.flat().join()).toMatch(/The fast wasm matMul computes .* instead of /);
    expect(registered()).toEqual(stock);
  });
});

describe('memory', () => {
  beforeEach(async () => {
    await startBackend('wasm');
  });

  test('a tensor, its clone and its reshape share their data until the last is disposed of', async () => {
    const before = backendIds();
    const x = tf.tensor2d([[1, 2, 3]]);
    const shared = [tf.clone(x), tf.reshape(x, [3]), tf.transpose(x)];
    expect(backendIds()).toBe(before + 1);
    expect(tf.backend().refCount(x.dataId)).toBe(4);
    x.dispose();
    shared[0].dispose();
    expect([...(await shared[1].data())]).toEqual([1, 2, 3]);
    shared[1].dispose();
    expect([...(await shared[2].data())]).toEqual([1, 2, 3]);
    shared[2].dispose();
    expect(backendIds()).toBe(before);
  });

  test('assigning a variable leaves clones of its old value alone', async () => {
    const variable = tf.variable(tf.tensor1d([1, 2]));
    const old = tf.clone(variable);
    tf.tidy(() => variable.assign(tf.add(variable, 10)));
    expect([...(await old.data())]).toEqual([1, 2]);
    expect([...(await variable.data())]).toEqual([11, 12]);
    tf.dispose([variable, old]);
  });

  test('throws when full', () => {
    const { wasm } = tf.backend() as tf.KernelBackend & { wasm: { _malloc(bytes: number): number } };
    const x = tf.ones([3, 4]) as tf.Tensor2D;
    const full = vi.spyOn(wasm, '_malloc').mockReturnValue(0);
    expect(() => tf.tidy(() => tf.matMul(x, x, false, true))).toThrow('memory of the wasm backend is full');
    full.mockRestore();
    expect([...tf.matMul(x, x, false, true).dataSync()]).toEqual(Array(9).fill(4));
  });

  test('stays flat over thousands of calls', () => {
    const x = tf.randomNormal<tf.Rank.R4>([2, 5, 3, 8], 0, 1, 'float32', 1);
    const heap = tf.backend() as tf.KernelBackend & { wasm: { HEAPU8: Uint8Array } };
    const round = () =>
      tf.tidy(() => {
        const heads = tf.transpose(x, [0, 2, 1, 3]);
        const scores = tf.softmax(tf.matMul(heads, heads, false, true));
        const [left, right] = tf.split(tf.matMul(scores, heads), 2, 3);
        const part = tf.slice(tf.concat([left, right], 3), [0, 1, 0, 0], [1, 2, -1, -1]);
        tf.pad(part, [
          [0, 0],
          [1, 0],
          [0, 0],
          [0, 0],
        ]);
        tf.fused.matMul({ a: heads, b: heads, transposeB: true, activation: 'relu' });
        tf.clone(part);
      });
    const sizes = () => [tf.memory().numTensors, tf.memory().numBytes, backendIds(), heap.wasm.HEAPU8.byteLength];
    for (let i = 0; i < 50; i++) round();
    const before = sizes();
    for (let i = 0; i < 3000; i++) round();
    expect(sizes()).toEqual(before);
  });
});
