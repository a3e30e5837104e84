import { type Engine, eagerEngine, type HostTensor, type HostTensors, type Step } from '@peft/core';
import { registerGradients } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onnxEngine } from '../src/engine/node.ts';

export type Op = (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

/** Numbers in (-range, range), the same for the same seed, away from each other and from zero. */
const numbers = (size: number, seed: number, range = 2): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: size }, (_, i) => Math.sin((i + 1) * 12.9898 + (seed % 1000) * 78.233) * range);

export const floats = (shape: number[], seed: number, range = 2): HostTensor => ({
  data: numbers(tf.util.sizeFromShape(shape), seed, range),
  shape,
});

/** Integers in [0, below). */
export const indices = (shape: number[], seed: number, below: number): HostTensor => ({
  data: Int32Array.from(numbers(tf.util.sizeFromShape(shape), seed, 1), x =>
    Math.min(Math.floor(Math.abs(x) * below), below - 1),
  ),
  shape,
});

export const size = fc.integer({ min: 1, max: 4 });
export const seed = fc.integer({ min: 0, max: 999 });
export const shapes = (minLength: number, maxLength: number) => fc.array(size, { minLength, maxLength });

let recorded: Engine;
const eager = eagerEngine();

/** Starts the engine of a file of tests. */
export function useEngine(): void {
  beforeAll(async () => {
    registerGradients();
    recorded = await onnxEngine({ threads: 1 });
  });
  afterAll(() => recorded.dispose());
}

async function once(engine: Engine, step: Step, inputs: HostTensors): Promise<HostTensors> {
  const compiled = engine.compile(step);
  try {
    return await compiled.run(inputs);
  } finally {
    await compiled.dispose();
  }
}

/** By how much numbers of this size may differ for having been added in another order. */
const slack = (values: ArrayLike<number>, tolerance: number): number =>
  tolerance *
  Array.from(values).reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 1);

const close = (a: number, b: number, margin: number): boolean =>
  Object.is(a, b) || a === b || Math.abs(a - b) <= margin;

/** Checks that the recorded op gives what the cpu backend gives. */
async function agree(op: Op, inputs: HostTensor[], tolerance = 2e-5): Promise<void> {
  const step: Step = tensors => {
    const outputs = [op(...inputs.map((_, i) => tensors[`x${i}`]))].flat();
    return Object.fromEntries(outputs.map((output, i) => [`y${i}`, output]));
  };
  const named = Object.fromEntries(inputs.map((input, i) => [`x${i}`, input]));
  const [expected, found] = [await once(eager, step, named), await once(recorded, step, named)];
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  for (const [key, { data, shape }] of Object.entries(expected)) {
    expect(found[key].shape, key).toEqual(shape);
    const margin = slack(data, tolerance);
    const wrong = [...data].findIndex((value, i) => !close(found[key].data[i], value, margin));
    if (wrong >= 0) expect.fail(`${key}[${wrong}] of [${shape}] is ${found[key].data[wrong]}, eagerly ${data[wrong]}`);
  }
}

/** An op and its gradients with respect to the inputs that are floats, for an uneven gradient of the output. */
export const withGradients =
  (op: (...inputs: tf.Tensor[]) => tf.Tensor): Op =>
  (...inputs) => {
    const differentiated = inputs.filter(({ dtype }) => dtype === 'float32');
    const loss = (...values: tf.Tensor[]) => {
      const all = inputs.map(input => (input.dtype === 'float32' ? values.shift()! : input));
      const y = op(...all);
      return tf.sum(tf.mul(y, tf.cos(tf.reshape(tf.range(0, y.size), y.shape))));
    };
    return [op(...inputs), ...tf.grads(loss)(differentiated)];
  };

/** A test that an op agrees on many inputs. */
export function agrees(name: string, op: Op, inputs: fc.Arbitrary<HostTensor[]>, numRuns = 12): void {
  test(name, () =>
    fc.assert(
      fc.asyncProperty(inputs, values => agree(op, values)),
      { numRuns },
    ),
  );
}
