import * as tf from '@tensorflow/tfjs-core';
import { hostRandom, key } from '../tensor/random.ts';
import { withScope } from '../tensor/scope.ts';
import type { CompiledStep, Engine, HostTensor, HostTensors, Step } from './engine.ts';

const toDevice = ({ data, shape }: HostTensor): tf.Tensor =>
  tf.tensor(data, [...shape], data instanceof Int32Array ? 'int32' : 'float32');

async function toHost(tensor: tf.Tensor): Promise<HostTensor> {
  const data = await tensor.data<'float32' | 'int32' | 'bool'>();
  return { data: data instanceof Float32Array ? data : new Int32Array(data), shape: tensor.shape };
}

const entries = async (tensors: Record<string, tf.Tensor>): Promise<HostTensors> =>
  Object.fromEntries(
    await Promise.all(Object.entries(tensors).map(async ([name, tensor]) => [name, await toHost(tensor)] as const)),
  );

function compileEager(step: Step): CompiledStep {
  return {
    async run(inputs, seed) {
      const outputs = tf.tidy(() => {
        const tensors = Object.fromEntries(Object.entries(inputs).map(([name, host]) => [name, toDevice(host)]));
        const random = seed === undefined ? undefined : hostRandom(key(seed));
        const results = withScope({ random }, () => step(tensors));
        return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, tf.clone(tensor)]));
      });
      try {
        return await entries(outputs);
      } finally {
        tf.dispose(outputs);
      }
    },
    async dispose() {},
  };
}

/** Runs steps op by op on the current TensorFlow.js backend. */
export function eagerEngine(): Engine {
  return {
    get name() {
      return `tfjs ${tf.getBackend()}`;
    },
    compile: compileEager,
    async sync() {},
    invalidate() {},
    async dispose() {},
  };
}
