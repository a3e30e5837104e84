import {
  type AdaptedModel,
  check,
  fromFloat32,
  type JsonObject,
  type Method,
  nonFinite,
  PeftError,
  parseSafetensors,
  type Safetensors,
  type StoredTensor,
  serializeSafetensors,
  toFloat32,
} from '@peft/core';
import { isMethodRecord, type MethodRecord, methodRecord, TensorReader } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import type { AdamW } from './adamw.ts';
import type { Best, Moment } from './best.ts';
import { adapterParameters, checkNotDiverged } from './finite.ts';
import { type Difference, describeDifference, differencesOf, plain } from './recipe.ts';

/** The position in a run, and the identity of the run. */
export interface Place {
  step: number;
  /** The step at which the optimizer started: the last stage of a method, or 0. */
  optimizerStart: number;
  /** The methods that the active adapters started with. */
  initial: MethodRecords;
  /** The methods after the stages so far. */
  methods: MethodRecords;
  /** The loss of every step so far. */
  losses: readonly number[];
  /** The differences that resumes of this run were forced to ignore. */
  resumedDespite: readonly Difference[];
  /** The best moment so far, where the caller says how good moments are. */
  best?: Moment;
  /** The trainer's own description of the run. */
  run: JsonObject;
  /** The caller's description of the run. */
  recipe: JsonObject;
}

/** The properties that a run must share with a checkpoint to resume from it. */
export type RunIdentity = Pick<Place, 'initial' | 'run' | 'recipe'>;

const format = 'peft-checkpoint-5';
const moments = ['m', 'v'] as const;

export type MethodRecords = Record<string, MethodRecord>;

/** The methods of the active adapters, by adapter. */
export const recordsOf = (model: AdaptedModel): MethodRecords =>
  Object.fromEntries(model.active.map(({ name, method }) => [name, methodRecord(method)]));

/** What a checkpoint holds beside its place in the run. */
export interface State {
  readonly model: AdaptedModel;
  readonly optimizer: AdamW;
  readonly best: Best;
}

/**
 * Serializes all state of a run as one safetensors file.
 *
 * @throws PeftError `numerics` if a parameter or a moment is not finite: nobody could go on from there
 */
export async function writeCheckpoint({ model, optimizer, best }: State, place: Place): Promise<Uint8Array> {
  const tensors: [string, StoredTensor][] = [];
  const add = (path: string, values: Float32Array, shape: readonly number[]): void => {
    checkNotDiverged(path, values, place.step);
    tensors.push([path, fromFloat32(values, [...shape])]);
  };
  for (const [path, parameter] of adapterParameters(model)) {
    add(`parameters/${path}`, await parameter.get(), parameter.shape);
    const values = best.kept?.values.get(path);
    if (values) add(`best/${path}`, values, parameter.shape);
  }
  for (const moment of moments) {
    const values = Float32Array.from(await optimizer[moment].data());
    add(`adamw/${moment}`, values, [values.length]);
  }
  const whole = { ...place, ...(best.kept && { best: best.kept.moment }) };
  return serializeSafetensors(tensors, { format, place: JSON.stringify(whole) });
}

/** A checkpoint that was parsed. */
export interface OpenCheckpoint {
  readonly source: string;
  readonly place: Place;
  readonly tensors: Safetensors['tensors'];
}

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isRecords = (value: unknown): boolean =>
  isObject(value) && Object.keys(value).length > 0 && Object.values(value).every(isMethodRecord);
const isLosses = (value: unknown): boolean => Array.isArray(value) && value.every(Number.isFinite);
const isDifference = (value: unknown): boolean =>
  isObject(value) && 'field' in value && typeof value.field === 'string';
const isMoment = (value: unknown): boolean =>
  value === undefined ||
  (isObject(value) && ['step', 'accuracy', 'loss'].every(field => Number.isFinite(value[field as keyof typeof value])));
const isDifferences = (value: unknown): boolean => Array.isArray(value) && value.every(isDifference);

/** The schema of a checkpoint's place in its run. */
const fields: Record<keyof Place, readonly [is: (value: unknown) => boolean, what: string]> = {
  step: [isCount, 'an integer of steps'],
  optimizerStart: [isCount, 'an integer of steps'],
  initial: [isRecords, 'the method of each adapter'],
  methods: [isRecords, 'the method of each adapter'],
  losses: [isLosses, 'a list of numbers'],
  resumedDespite: [isDifferences, 'a list of differences'],
  best: [isMoment, 'a step with its accuracy and loss'],
  run: [isObject, 'an object'],
  recipe: [isObject, 'an object'],
};

function parsePlace(text: string | undefined, source: string): Place {
  let place: unknown;
  try {
    place = JSON.parse(text ?? '');
  } catch (cause) {
    throw new PeftError('bad-file', `${source}: its place in the run is not valid JSON.`, { cause });
  }
  check(isObject(place), 'bad-file', () => `${source}: its place in the run must be an object.`);
  for (const [field, [is, what]] of Object.entries(fields)) {
    const found: unknown = Object.getOwnPropertyDescriptor(place, field)?.value;
    check(is(found), 'bad-file', () => {
      return `${source}: "${field}" of its place in the run must be ${what}; found ${String(JSON.stringify(found)).slice(0, 80)}.`;
    });
  }
  const { step, losses } = place as Place;
  check(losses.length === step, 'bad-file', () => {
    return `${source}: "losses" of its place in the run has ${losses.length} of ${step} steps.`;
  });
  return place as Place;
}

/**
 * Parses a checkpoint.
 *
 * @throws PeftError `bad-file` if it is not a whole one, or has numbers that are not finite
 */
export function parseCheckpoint(bytes: Uint8Array, source: string): OpenCheckpoint {
  const { tensors, metadata } = parseSafetensors(bytes, source);
  const isCheckpoint = metadata.format === format;
  check(isCheckpoint, 'bad-file', () => {
    const found = metadata.format ? `its format is ${JSON.stringify(metadata.format)}` : 'it has no format';
    return `${source} is not a checkpoint that this version reads: ${found}, not "${format}".`;
  });
  const place = parsePlace(metadata.place, source);
  for (const [path, tensor] of tensors) {
    const found = tensor.dtype === 'F32' ? nonFinite(toFloat32(tensor)) : undefined;
    check(found === undefined, 'bad-file', () => `${source}: ${path} has ${found}; go on from an earlier checkpoint.`);
  }
  return { source, place, tensors };
}

/**
 * Compares a checkpoint with the run that resumes from it.
 *
 * @param force resume although they differ
 * @returns the differences, which are none unless forced
 * @throws PeftError `bad-argument` that names each field with both values
 */
export function checkIdentity({ source, place }: OpenCheckpoint, now: RunIdentity, force: boolean): Difference[] {
  const differences = [
    ...differencesOf(place.run, plain(now.run)),
    ...differencesOf(place.recipe, plain(now.recipe)),
    ...differencesOf({ methods: plain(place.initial) }, { methods: plain(now.initial) }),
  ];
  check(force || differences.length === 0, 'bad-argument', () => {
    const lines = differences.map(difference => `\n  ${describeDifference(difference)}`).join('');
    return `${source} is of another run:${lines}\nResume with the same options, or force it to go on with these.`;
  });
  return differences;
}

const areSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * Restores the stages that the adapters had passed. If a forced resume starts with another method and no stage had been passed,
 * the adapter stays as it is.
 *
 * @param initial the methods that this run starts with, by adapter
 * @throws PeftError, changing nothing, if they cannot have come there
 */
export async function restoreMethods(
  model: AdaptedModel,
  initial: ReadonlyMap<string, Method>,
  { source, place }: OpenCheckpoint,
): Promise<void> {
  const successions = [...initial].map(([name, start]) => {
    const record = place.methods[name];
    const isForced = !areSame(place.initial[name], methodRecord(start));
    if (isForced && areSame(record, place.initial[name])) return undefined;
    if (areSame(record, methodRecord(model.get(name).method))) return undefined;
    const method = areSame(record, methodRecord(start)) ? start : record && start.stage?.resume(record.findings ?? {});
    check(
      method && areSame(record, methodRecord(method)),
      'bad-file',
      () => `${source}: ${start.type} cannot have become ${JSON.stringify(record)}.`,
    );
    return { name, method };
  });
  for (const succession of successions) if (succession) await model.replace(succession.name, succession);
}

/** Puts a checkpoint's values back. Throws, changing nothing, if they do not fit. */
export function restoreValues({ source, place, tensors }: OpenCheckpoint, { model, optimizer, best }: State): void {
  const reader = new TensorReader(tensors, source);
  const read = (group: string) =>
    adapterParameters(model).map(
      ([path, parameter]) => ({ path, parameter, values: reader.take(`${group}/${path}`, parameter.shape) }) as const,
    );
  const restored = read('parameters');
  const kept = place.best && {
    moment: place.best,
    values: new Map(read('best').map(({ path, values }) => [path, values])),
  };
  const take = (moment: 'm' | 'v'): Float32Array => reader.take(`adamw/${moment}`, optimizer[moment].shape);
  const [m, v] = [take('m'), take('v')];
  reader.finish();
  for (const { parameter, values } of restored) parameter.set(values);
  best.restore(kept);
  tf.tidy(() => {
    optimizer.m.assign(tf.tensor1d(m));
    optimizer.v.assign(tf.tensor1d(v));
  });
}
