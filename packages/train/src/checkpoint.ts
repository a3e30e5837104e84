import {
  type AdaptedModel,
  check,
  fromFloat32,
  isMethodRecord,
  type Method,
  type MethodRecord,
  methodRecord,
  parseSafetensors,
  type Safetensors,
  type StoredTensor,
  serializeSafetensors,
  TensorReader,
} from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import type { AdamW } from './adamw.ts';

/** Which run it is: its length and its seed. */
export interface RunIdentity {
  totalSteps: number;
  seed: number;
}

/** The place in a run. */
export interface Place extends RunIdentity {
  step: number;
  /** The step at which the optimiser started: the last stage of a method, or 0. */
  optimizerStart: number;
  /** The methods of the active adapters, which stages change. */
  methods: Record<string, MethodRecord>;
}

const moments = ['m', 'v'] as const;

export const methodsOf = (model: AdaptedModel): Record<string, MethodRecord> =>
  Object.fromEntries(model.active.map(({ name, method }) => [name, methodRecord(method)]));

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
  return serializeSafetensors(tensors, { format: 'peft-checkpoint-2', place: JSON.stringify(place) });
}

/** A checkpoint that was parsed and is of this run. */
export interface OpenCheckpoint {
  readonly source: string;
  readonly place: Place;
  readonly tensors: Safetensors['tensors'];
}

function parsePlace(text: string, source: string): Place {
  const place = JSON.parse(text) as Place;
  const methods = Object.values(place.methods ?? {});
  const isComplete = methods.length > 0 && methods.every(isMethodRecord) && Number.isInteger(place.step);
  check(isComplete, 'bad-file', () => `${source} does not tell its place in the run: ${text.slice(0, 200)}`);
  return place;
}

/** Parses a checkpoint. Throws if it is of another run. */
export function openCheckpoint(bytes: Uint8Array, source: string, run: RunIdentity): OpenCheckpoint {
  const { tensors, metadata } = parseSafetensors(bytes, source);
  const isCheckpoint = metadata.format === 'peft-checkpoint-2';
  check(isCheckpoint, 'bad-file', () => `${source} is not a checkpoint of a training run.`);
  const place = parsePlace(metadata.place, source);
  const same = place.seed === run.seed && place.totalSteps === run.totalSteps;
  check(same, 'bad-argument', () => {
    const show = ({ totalSteps, seed }: RunIdentity): string => `${totalSteps} steps with seed ${seed}`;
    return `${source} is of a run of ${show(place)}, this one has ${show(run)}; resume with the same arguments.`;
  });
  return { source, place, tensors };
}

const areSame = (a: MethodRecord, b: MethodRecord): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * Brings the adapters to the stages that they had passed. Throws, changing nothing, if it had other adapters.
 *
 * @param initial the methods that the run started with, by adapter
 */
export async function restoreMethods(
  model: AdaptedModel,
  initial: ReadonlyMap<string, Method>,
  { source, place: { methods } }: OpenCheckpoint,
): Promise<void> {
  const successions = model.active.map(({ name, method }) => {
    const record = methods[name];
    const had = Object.entries(methods).map(([other, { type }]) => `"${other}" (${type})`);
    check(
      record !== undefined && record.type === method.type,
      'bad-argument',
      () =>
        `${source} has the adapters ${had.join(', ')}, but "${name}" (${method.type}) is to go on; resume with the same arguments.`,
    );
    if (areSame(record, methodRecord(method))) return undefined;
    const start = initial.get(name);
    const resumed = start && areSame(record, methodRecord(start)) ? start : start?.stage?.resume(record);
    check(
      resumed && areSame(record, methodRecord(resumed)),
      'bad-argument',
      () =>
        `${source}: adapter "${name}" (${method.type}) had other options: ${JSON.stringify(record)}; resume with the same arguments.`,
    );
    return { name, method: resumed };
  });
  for (const succession of successions) if (succession) await model.become(succession.name, succession);
}

/** Puts a checkpoint's values back. Throws, changing nothing, if they do not fit. */
export function restoreValues({ source, tensors }: OpenCheckpoint, names: readonly string[], optimizer: AdamW): void {
  const reader = new TensorReader(tensors);
  const parameters = names.map((name, i) => reader.take(`parameters/${name}`, optimizer.parameters[i].shape));
  const [m, v] = moments.map(moment => reader.take(`adamw/${moment}`, optimizer[moment].shape));
  reader.finish(source);
  for (const [i, values] of parameters.entries()) optimizer.parameters[i].set(values);
  tf.tidy(() => {
    optimizer.m.assign(tf.tensor1d(m));
    optimizer.v.assign(tf.tensor1d(v));
  });
}
