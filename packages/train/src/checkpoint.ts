import {
  type AdaptedModel,
  check,
  fromFloat32,
  isMethodRecord,
  type Method,
  type MethodRecord,
  methodRecord,
  type Parameter,
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
  /** The methods that the active adapters started with. */
  initial: MethodRecords;
  /** The methods that stages have made of them. */
  methods: MethodRecords;
}

const moments = ['m', 'v'] as const;

export type MethodRecords = Record<string, MethodRecord>;

/** The methods of the active adapters, by adapter. */
export const recordsOf = (model: AdaptedModel): MethodRecords =>
  Object.fromEntries(model.active.map(({ name, method }) => [name, methodRecord(method)]));

/** All tensors of the active adapters: a stage may have frozen some that were trained before. */
const adapterParameters = (model: AdaptedModel): [string, Parameter][] =>
  model.active.flatMap(adapter =>
    [...adapter.parameters()].map(([path, parameter]): [string, Parameter] => [`${adapter.name}/${path}`, parameter]),
  );

/** Everything that a run changes, as one safetensors file. */
export async function writeCheckpoint(model: AdaptedModel, optimizer: AdamW, place: Place): Promise<Uint8Array> {
  const tensors: [string, StoredTensor][] = [];
  for (const [path, parameter] of adapterParameters(model)) {
    tensors.push([`parameters/${path}`, fromFloat32(await parameter.get(), parameter.shape)]);
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
  const methods = [...Object.values(place.initial ?? {}), ...Object.values(place.methods ?? {})];
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

const areSame = (a: MethodRecord | undefined, b: MethodRecord): boolean => JSON.stringify(a) === JSON.stringify(b);

const show = (records: MethodRecords): string =>
  Object.entries(records)
    .map(([name, record]) => `"${name}" ${JSON.stringify(record)}`)
    .join(', ');

/**
 * Brings the adapters to the stages that they had passed. Throws, changing nothing, if the run had started with others.
 *
 * @param initial the methods that this run starts with, by adapter
 */
export async function restoreMethods(
  model: AdaptedModel,
  initial: ReadonlyMap<string, Method>,
  { source, place }: OpenCheckpoint,
): Promise<void> {
  const own = Object.fromEntries([...initial].map(([name, method]) => [name, methodRecord(method)]));
  check(
    JSON.stringify(own) === JSON.stringify(place.initial),
    'bad-argument',
    () =>
      `${source} is of a run with ${show(place.initial)}, this one has ${show(own)}; resume with the same arguments.`,
  );
  const successions = [...initial].map(([name, start]) => {
    const record = place.methods[name];
    if (areSame(record, methodRecord(model.get(name).method))) return undefined;
    const method = areSame(record, own[name]) ? start : start.stage?.resume(record);
    check(
      method && areSame(record, methodRecord(method)),
      'bad-file',
      () => `${source}: ${start.type} cannot have become ${JSON.stringify(record)}.`,
    );
    return { name, method };
  });
  for (const succession of successions) if (succession) await model.become(succession.name, succession);
}

/** Puts a checkpoint's values back. Throws, changing nothing, if they do not fit. */
export function restoreValues({ source, tensors }: OpenCheckpoint, model: AdaptedModel, optimizer: AdamW): void {
  const reader = new TensorReader(tensors);
  const restored = adapterParameters(model).map(
    ([path, parameter]) => [parameter, reader.take(`parameters/${path}`, parameter.shape)] as const,
  );
  const [m, v] = moments.map(moment => reader.take(`adamw/${moment}`, optimizer[moment].shape));
  reader.finish(source);
  for (const [parameter, values] of restored) parameter.set(values);
  tf.tidy(() => {
    optimizer.m.assign(tf.tensor1d(m));
    optimizer.v.assign(tf.tensor1d(v));
  });
}
