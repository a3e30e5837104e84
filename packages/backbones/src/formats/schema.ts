import { PeftError, quote } from '@peft/core';
import * as v from 'valibot';

// Each message completes "<field> should be ...". Bounds lie far beyond known models; they keep a broken file from costing
// time and memory before its weights are looked at.

/** An integer from `least` to `most`. */
/* @__NO_SIDE_EFFECTS__ */
export function count(least: number, most: number) {
  const what = `an integer from ${least} to ${most}`;
  return v.pipe(v.number(what), v.integer(what), v.minValue(least, what), v.maxValue(most, what));
}

/** A number from `least` to `most`, both included. */
/* @__NO_SIDE_EFFECTS__ */
export function within(least: number, most: number) {
  const what = `a number from ${least} to ${most}`;
  return v.pipe(v.number(what), v.minValue(least, what), v.maxValue(most, what));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A JSON object, which may have other fields too. */
/* @__NO_SIDE_EFFECTS__ */
export const object = <const T extends v.ObjectEntries>(fields: T) =>
  v.pipe(v.custom<Record<string, unknown>>(isObject, 'a JSON object'), v.looseObject(fields));

/** One of a few words. */
/* @__NO_SIDE_EFFECTS__ */
export const choice = <const T extends readonly string[]>(...words: T) =>
  v.picklist(words, `one of ${words.join(', ')}`);

/** A list of at most eight, one item a stage. */
/* @__NO_SIDE_EFFECTS__ */
export function stages(least: number, most: number) {
  const what = 'a list of one to eight numbers';
  return v.pipe(v.array(count(least, most), what), v.minLength(1, what), v.maxLength(8, what));
}

export const flag = v.boolean('true or false');
export const text = v.string('a string');
/** Height or width of a picture, in pixels. */
export const side = count(1, 4096);
export const depth = count(1, 128);
export const features = count(1, 65_536);
export const heads = count(1, 1024);
export const classes = count(0, 1_000_000);
export const patchSize = count(1, 1024);
export const windowSize = count(1, 1024);
/** Hidden features as a multiple of the features. */
export const ratio = within(1 / 1024, 1024);
export const epsilon = within(0, 1);

/** A side, or height and width, as both. */
export const size = v.pipe(
  v.union([side, v.strictTuple([side, side], 'a size or [height, width]')], 'a size or [height, width]'),
  v.transform((value): [number, number] => (typeof value === 'number' ? [value, value] : [value[0], value[1]])),
);

const center = within(-2, 2);
const spread = within(1e-4, 4);
const three = 'a list of three numbers';
/** By channel: what pictures of values in 0..1 are centered with, and what they are divided by. */
export const mean = v.strictTuple([center, center, center], three);
export const std = v.strictTuple([spread, spread, spread], three);
/** The share of the resized picture that the crop keeps. */
export const cropPct = within(0.1, 2);

/**
 * A value checked against a schema whose messages complete "<field> should be ...".
 *
 * @param source the file's name, for errors
 * @throws PeftError `bad-config` that names the first field that is wrong
 */
export function parse<S extends v.GenericSchema>(schema: S, value: unknown, source: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  const isMissing = issue.input === undefined;
  const what = isMissing ? 'is missing' : `should be ${issue.message}; it is ${quote(issue.input)}`;
  throw new PeftError('bad-config', path ? `${source}: ${path} ${what}.` : `${source} ${what}.`);
}
