import * as tf from '@tensorflow/tfjs-core';
import { hostRandom, key } from '../tensor/random.ts';
import { withScope } from '../tensor/scope.ts';
import type { Tensors } from '../tensor/tensors.ts';
import type { CompiledStep, Engine, HostTensor, OnHost, Step } from './engine.ts';

const toDevice = ({ data, shape }: HostTensor): tf.Tensor =>
  tf.tensor(data, [...shape], data instanceof Int32Array ? 'int32' : 'float32');

async function toHost(tensor: tf.Tensor): Promise<HostTensor> {
  const data = await tensor.data<'float32' | 'int32' | 'bool'>();
  return { data: data instanceof Float32Array ? data : new Int32Array(data), shape: tensor.shape };
}

/** The same names, each with what `change` makes of its value. */
const mapValues = <T extends object, V>(values: T, change: (value: T[keyof T]) => V): { [Name in keyof T]: V } =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)])) as { [N in keyof T]: V };

async function allToHost<T extends Tensors>(tensors: T): Promise<OnHost<T>> {
  const hosts = await Promise.all(Object.values(tensors).map(toHost));
  return Object.fromEntries(Object.keys(tensors).map((name, i) => [name, hosts[i]])) as OnHost<T>;
}

function compileEager<In extends Tensors, Out extends Tensors>(step: Step<In, Out>): CompiledStep<In, Out> {
  return {
    async run(inputs, seed) {
      const outputs = tf.tidy(() => {
        const random = seed === undefined ? undefined : hostRandom(key(seed));
        const results = withScope({ random }, () => step(mapValues(inputs, toDevice) as Tensors as In));
        return mapValues(results, tensor => tf.clone(tensor)) as Tensors as Out;
      });
      try {
        return await allToHost(outputs);
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
