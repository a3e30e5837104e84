import '@tensorflow/tfjs-backend-wasm';
import { disposeModule, initialize, key, Linear, type Parameter } from '@peft/core';
import { isDeferred } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startBackend } from '../index.ts';

interface Allocator {
  _malloc(bytes: number): number;
  _free(address: number): void;
}

const allocator = (): Allocator => (tf.backend() as tf.KernelBackend & { wasm: Allocator }).wasm;

/** The bytes in use in the heap, but for what was there before. */
function watchHeap(): { used(): number } {
  const wasm = allocator();
  const { _malloc: malloc, _free: free } = wasm;
  const sizes = new Map<number, number>();
  vi.spyOn(wasm, '_malloc').mockImplementation(bytes => {
    const address = malloc(bytes);
    sizes.set(address >>> 0, bytes);
    return address;
  });
  vi.spyOn(wasm, '_free').mockImplementation(address => {
    free(address);
    sizes.delete(address >>> 0);
  });
  return { used: () => [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0) };
}

const [inFeatures, outFeatures] = [192, 576];
const bytes = inFeatures * outFeatures;

function quantized(): Linear {
  const layer = initialize(new Linear(inFeatures, outFeatures, { bias: false }), key(1));
  layer.weight.quantize();
  return layer;
}

const forward = (layer: Linear): void => tf.tidy(() => void layer.call(tf.ones([3, inFeatures])));
const step = (layer: Linear): void =>
  tf.tidy(() => void tf.grad((x: tf.Tensor) => tf.sum(layer.call(x)))(tf.ones([3, inFeatures])));

function readAndDispose(weight: Parameter): void {
  tf.neg(weight.value).dispose();
  weight.dispose();
}

beforeEach(async () => {
  await startBackend('wasm', { kernels: 'stock' });
  await startBackend('wasm', { threads: 2 });
});

afterEach(() => vi.restoreAllMocks());

test('a weight takes a byte for each direction that is used, and its floats are not in the heap', () => {
  const { used } = watchHeap();
  const layer = quantized();
  const before = used();
  forward(layer);
  expect((used() - before) / bytes).toBeCloseTo(1, 1);
  step(layer);
  expect((used() - before) / bytes).toBeCloseTo(2, 1);
  const after = used();
  for (let i = 0; i < 100; i++) step(layer);
  expect(used()).toBe(after);
  expect(isDeferred(layer.weight.value.dataId)).toBe(true);
  disposeModule(layer);
  expect(used()).toBe(before);
});

test.each<[string, (weight: Parameter) => void]>([
  ['disposed of', weight => weight.dispose()],
  ['disposed of after its floats were read', readAndDispose],
  ['assigned', weight => weight.set(new Float32Array(bytes))],
  ['rounded again', weight => weight.quantize()],
])('one that is %s leaves nothing', (_, end) => {
  const { used } = watchHeap();
  const layers = [quantized(), quantized()];
  const before = used();
  for (const layer of layers) step(layer);
  for (const { weight } of layers) end(weight);
  for (const layer of layers) disposeModule(layer);
  expect(used()).toBeLessThanOrEqual(before);
  expect(tf.engine().backend.numDataIds()).toBe(0);
});

test('kernels that are replaced leave none, and those that are put back make them anew', async () => {
  const { used } = watchHeap();
  const layer = quantized();
  const before = used();
  step(layer);
  await startBackend('wasm', { kernels: 'stock' });
  expect(used()).toBe(before);
  await startBackend('wasm', { threads: 1 });
  const ours = used();
  step(layer);
  expect((used() - ours) / bytes).toBeCloseTo(2, 1);
  disposeModule(layer);
  expect(used()).toBe(ours);
});
