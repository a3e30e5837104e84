import { PeftError } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { type Heap, openHeap } from './heap.ts';
import type { FastKernel } from './kernel.ts';
import { fastKernels } from './kernels/index.ts';

/** One of our kernels, as registered: only tfjs' registry knows which are installed. */
interface InstalledKernel extends tf.KernelConfig {
  readonly heap: Heap;
  readonly replaced: tf.KernelConfig | undefined;
}

const isOurs = (config: tf.KernelConfig | undefined): config is InstalledKernel =>
  config !== undefined && 'heap' in config;

function remove(name: string): void {
  const installed = tf.getKernel(name, 'wasm');
  if (!isOurs(installed)) return;
  installed.heap.close();
  tf.unregisterKernel(name, 'wasm');
  if (installed.replaced) tf.registerKernel(installed.replaced);
}

function put({ name, run }: FastKernel, heap: Heap): void {
  remove(name);
  const replaced = tf.getKernel(name, 'wasm');
  if (replaced) tf.unregisterKernel(name, 'wasm');
  const config: InstalledKernel = {
    kernelName: name,
    backendName: 'wasm',
    heap,
    replaced,
    kernelFunc({ inputs, attrs = {}, backend }) {
      const outputs = run(heap, inputs, attrs);
      if (outputs) return outputs;
      if (replaced) return replaced.kernelFunc({ inputs, attrs, backend });
      const given = Object.values(inputs).flatMap(x => (x ? [`${x.dtype} [${x.shape}]`] : []));
      throw new PeftError('not-supported', `${name} on wasm does not take ${given.join(', ')}.`);
    },
    disposeFunc: () => remove(name), // the memory goes with its backend
  };
  tf.registerKernel(config);
}

/** Compares a small product, moved and cloned, with the sum computed in JavaScript. */
async function checkProduct(): Promise<void> {
  const [m, k, n] = [7, 5, 9];
  const left = Float32Array.from({ length: m * k }, (_, i) => Math.sin(i));
  const right = Float32Array.from({ length: n * k }, (_, i) => Math.cos(i));
  const product = tf.tidy(() => {
    const turned = tf.matMul(tf.tensor2d(right, [n, k]), tf.tensor2d(left, [m, k]), false, true);
    return tf.clone(tf.transpose(turned));
  });
  const values = await product.data();
  product.dispose();
  for (let i = 0; i < m * n; i++) {
    let expected = 0;
    for (let p = 0; p < k; p++) expected += left[Math.floor(i / n) * k + p]! * right[(i % n) * k + p]!;
    if (Math.abs(values[i]! - expected) < 1e-5) continue;
    throw new PeftError(
      'numerics',
      `The fast wasm matMul computes ${values[i]} instead of ${expected} at ${i} of [7, 9].`,
    );
  }
}

/** Restores tfjs' own kernels on the wasm backend. */
export function uninstallFastKernels(): void {
  for (const { name } of fastKernels) remove(name);
}

/**
 * Replaces kernels of the current backend, which must be wasm, by ours.
 *
 * @param threads the maximum, including this one
 * @returns the number of threads that compute
 * @throws if tfjs' version or internals differ; then nothing is replaced
 */
export async function installFastKernels(threads: number): Promise<number> {
  const installed = tf.getKernel(tf.BatchMatMul, 'wasm');
  if (isOurs(installed) && installed.heap.backend === tf.backend() && installed.heap.threads === threads) {
    return installed.heap.team.threads;
  }
  try {
    const heap = await openHeap(tf.backend(), threads);
    for (const kernel of fastKernels) put(kernel, heap);
    await checkProduct();
    return heap.team.threads;
  } catch (error) {
    uninstallFastKernels();
    throw error;
  }
}
