import * as v from 'valibot';
import type { Json } from '../files/json.ts';

/*
 * The allowed values of an option or of a file's field: a schema that checks them, words for errors, and plain
 * data from which tables, forms and JSON Schemas can be made.
 */

/** The data of a {@link Value}, by its kind. */
export type ValueKind =
  | ({ readonly kind: 'integer' | 'number' } & Range)
  | { readonly kind: 'boolean' | 'string' | 'json' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'list' | 'table' | 'nullable'; readonly of: Value }
  | { readonly kind: 'either'; readonly of: readonly Value[] }
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, Value>> };

/** A kind of value, of the TypeScript type `T`. */
export type Value<T = unknown> = ValueKind & {
  /** The allowed values in words: `an integer of 1 or more`. */
  readonly expected: string;
  readonly schema: v.GenericSchema<unknown, T>;
};

/** The TypeScript type of a {@link Value}. */
export type ValueOf<V> = V extends Value<infer T> ? T : never;

export interface Range {
  /** The least that is allowed. */
  readonly min?: number;
  /** The exclusive minimum. */
  readonly above?: number;
  /** The most that is allowed. */
  readonly max?: number;
  /** The exclusive maximum. */
  readonly below?: number;
}

/** With commas every three digits. Options are made at import, and loading `Intl` for them would take 10 ms. */
const show = (bound: number): string =>
  String(bound).replace(/^\d{4,}$/, digits => digits.replace(/\B(?=(\d{3})+$)/g, ','));

function rangeInWords(noun: string, { min, above, max, below }: Range): string {
  if (above !== undefined) return `${noun} above ${show(above)}`;
  if (min !== undefined && below !== undefined) return `in [${min}, ${below})`;
  if (min !== undefined && max !== undefined) return `${noun} from ${show(min)} to ${show(max)}`;
  if (min !== undefined) return `${noun} of ${show(min)} or more`;
  return noun;
}

const inRange = ({ min = -Infinity, above = -Infinity, max = Infinity, below = Infinity }: Range) =>
  v.pipe(v.number(), v.finite(), v.minValue(min), v.gtValue(above), v.maxValue(max), v.ltValue(below));

/** A finite number in a range. */
/* @__NO_SIDE_EFFECTS__ */
export function number(range: Range = {}): Value<number> {
  return { kind: 'number', ...range, expected: rangeInWords('a number', range), schema: inRange(range) };
}

/** An integer in a range. */
/* @__NO_SIDE_EFFECTS__ */
export function integer(range: Range = {}): Value<number> {
  const schema = v.pipe(inRange(range), v.safeInteger());
  return { kind: 'integer', ...range, expected: rangeInWords('an integer', range), schema };
}

/** `true` or `false`. */
/* @__NO_SIDE_EFFECTS__ */
export function boolean(): Value<boolean> {
  return { kind: 'boolean', expected: 'true or false', schema: v.boolean() };
}

/** Any string. */
/* @__NO_SIDE_EFFECTS__ */
export function string(): Value<string> {
  return { kind: 'string', expected: 'a string', schema: v.string() };
}

/** Whatever JSON can hold. */
/* @__NO_SIDE_EFFECTS__ */
export function json(): Value<Json> {
  const isJson = (value: unknown): boolean => ['string', 'number', 'boolean', 'object'].includes(typeof value);
  return { kind: 'json', expected: 'plain data', schema: v.custom<Json>(isJson) };
}

/** One of a few words. */
/* @__NO_SIDE_EFFECTS__ */
export function choice<const Choice extends string>(choices: readonly Choice[]): Value<Choice> {
  return { kind: 'choice', choices, expected: `one of ${choices.join(', ')}`, schema: v.picklist(choices) };
}

const plural = (expected: string): string => expected.replace(/^an? (string|number|integer)\b/, '$1s');

/** A list of any length. */
/* @__NO_SIDE_EFFECTS__ */
export function list<T>(of: Value<T>): Value<readonly T[]> {
  return { kind: 'list', of, expected: `a list of ${plural(of.expected)}`, schema: v.array(of.schema) };
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Names that JavaScript objects inherit, which no table may have as keys. */
const inherited = ['__proto__', 'constructor', 'prototype'];

/** Values by names that are not known beforehand. */
/* @__NO_SIDE_EFFECTS__ */
export function table<T>(of: Value<T>): Value<Readonly<Record<string, T>>> {
  const isTable = (value: unknown): boolean =>
    isObject(value) && !inherited.some(name => Object.hasOwn(value as object, name));
  return {
    kind: 'table',
    of,
    expected: `an object of ${plural(of.expected)} by name`,
    schema: v.pipe(v.custom<object>(isTable), v.record(v.string(), of.schema)),
  };
}

/** A value of one of several kinds. */
/* @__NO_SIDE_EFFECTS__ */
export function either<A, B>(a: Value<A>, b: Value<B>): Value<A | B> {
  const expected = `${a.expected} or ${b.expected}`;
  return { kind: 'either', of: [a, b], expected, schema: v.union([a.schema, b.schema]) };
}

/** A value, or `null`. */
/* @__NO_SIDE_EFFECTS__ */
export function nullable<T>(of: Value<T>): Value<T | null> {
  return { kind: 'nullable', of, expected: `${of.expected} or null`, schema: v.nullable(of.schema) };
}

/** An object of known fields, each of which may be left out. Others are ignored. */
/* @__NO_SIDE_EFFECTS__ */
export function object<T>(fields: { readonly [K in keyof T]: Value<T[K]> }): Value<{ readonly [K in keyof T]?: T[K] }> {
  const entries = Object.entries<Value>(fields).map(([name, { schema }]) => [name, v.optional(schema)] as const);
  return {
    kind: 'object',
    fields: fields as Readonly<Record<string, Value>>,
    expected: `an object of ${Object.keys(fields).join(', ')}`,
    schema: v.pipe(v.custom<object>(isObject), v.object(Object.fromEntries(entries))) as v.GenericSchema<
      unknown,
      { readonly [K in keyof T]?: T[K] }
    >,
  };
}
