import {
  type Module,
  Parameter,
  parameters,
  patch,
  type Safetensors,
  softmaxCrossEntropy,
  toFloat32,
} from '@peft/core';
import { valueAndGrads } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';

/** A stored tensor's numbers. */
export function numbers(file: Safetensors, name: string): Float32Array {
  const found = file.tensors.get(name);
  if (!found) throw new Error(`The reference has no "${name}".`);
  return toFloat32(found);
}

/** Pictures `[B, 3, H, W]` as the tensor `[B, H, W, 3]` that backbones take. */
export function pictures(file: Safetensors, name = 'input'): tf.Tensor4D {
  const shape = file.tensors.get(name)?.shape as [number, number, number, number];
  return tf.tidy(() => tf.transpose(tf.tensor4d(numbers(file, name), shape), [0, 2, 3, 1]));
}

export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}

/** Largest difference, as a part of the largest number expected. */
function relativeDifference(a: ArrayLike<number>, expected: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]));
  return maxDifference(a, expected) / largest;
}

/** Keeps what a module puts out, until it is disposed of. */
export function record(module: Module): { output: () => tf.Tensor; stop: () => void } {
  let kept: tf.Tensor | undefined;
  const stop = patch(module, {
    output: y => {
      kept?.dispose();
      kept = tf.keep(tf.clone(y));
      return y;
    },
  });
  return {
    output: () => {
      if (!kept) throw new Error('The module was not called.');
      return kept;
    },
    stop: () => {
      stop();
      kept?.dispose();
    },
  };
}

/**
 * The loss of a reference's pictures, and how far the gradients that the reference has are from those of the model, by name.
 *
 * @param toPath from a name in the file to the model's path
 */
export async function compareGradients(
  model: Module,
  reference: Safetensors,
  toPath: (name: string) => string,
): Promise<{ loss: number; errors: Record<string, number> }> {
  const names = [...reference.tensors.keys()].flatMap(key =>
    key.startsWith('grad.') ? key.slice('grad.'.length) : [],
  );
  const all = new Map(parameters(model));
  const chosen = names.map(name => {
    const parameter = all.get(toPath(name));
    if (!parameter) throw new Error(`The model has no parameter ${toPath(name)}.`);
    return parameter;
  });
  const [input, labels] = [pictures(reference), tf.tensor1d([...numbers(reference, 'labels')], 'int32')];
  const { value, grads } = valueAndGrads(
    () => tf.mean(softmaxCrossEntropy(model.call(input), labels)),
    chosen.map(parameter => parameter.value),
  );
  const errors: Record<string, number> = {};
  for (const [i, { shape, init, layout }] of chosen.entries()) {
    const got = new Parameter(shape, init, { layout });
    got.set(Float32Array.from(await grads[i]!.data()));
    errors[names[i]] = relativeDifference(await got.getForFile(), numbers(reference, `grad.${names[i]}`));
    got.dispose();
  }
  const [loss] = await value.data();
  tf.dispose([input, labels, value, ...grads.flatMap(grad => grad ?? [])]);
  return { loss, errors };
}
