import {
  check,
  fromFloat32,
  parseSafetensors,
  type StoredTensor,
  serializeSafetensors,
  TensorReader,
} from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import type { AdamW } from './adamw.ts';

/** The place in a run. */
export interface Place {
  step: number;
  totalSteps: number;
  seed: number;
}

const moments = ['m', 'v'] as const;

/** Everything that changes in training, as one safetensors file. */
export async function writeCheckpoint(names: readonly string[], optimizer: AdamW, place: Place): Promise<Uint8Array> {
  const tensors: [string, StoredTensor][] = [];
  for (const [i, parameter] of optimizer.parameters.entries()) {
    tensors.push([`parameters/${names[i]}`, fromFloat32(await parameter.get(), parameter.shape)]);
  }
  for (const moment of moments) {
    const values = Float32Array.from(await optimizer[moment].data());
    tensors.push([`adamw/${moment}`, fromFloat32(values, [values.length])]);
  }
  return serializeSafetensors(tensors, { format: 'peft-checkpoint-1', place: JSON.stringify(place) });
}

/** Puts a checkpoint's values back. Throws, changing nothing, if it is of another run. */
export function readCheckpoint(
  bytes: Uint8Array,
  source: string,
  names: readonly string[],
  optimizer: AdamW,
  run: Place,
): Place {
  const { tensors, metadata } = parseSafetensors(bytes, source);
  check(metadata.format === 'peft-checkpoint-1', 'bad-file', () => `${source} is not a checkpoint of a training run.`);
  const place = JSON.parse(metadata.place) as Place;
  const same = place.seed === run.seed && place.totalSteps === run.totalSteps;
  check(same, 'bad-argument', () => {
    const show = ({ totalSteps, seed }: Place): string => `${totalSteps} steps with seed ${seed}`;
    return `${source} is of a run of ${show(place)}, this one has ${show(run)}; resume with the same arguments.`;
  });
  const reader = new TensorReader(tensors);
  const parameters = names.map((name, i) => reader.take(`parameters/${name}`, optimizer.parameters[i].shape));
  const [m, v] = moments.map(moment => reader.take(`adamw/${moment}`, optimizer[moment].shape));
  reader.finish(source);
  for (const [i, values] of parameters.entries()) optimizer.parameters[i].set(values);
  tf.tidy(() => {
    optimizer.m.assign(tf.tensor1d(m));
    optimizer.v.assign(tf.tensor1d(v));
  });
  return place;
}
