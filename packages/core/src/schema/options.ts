import * as v from 'valibot';
import { closest } from '../closest.ts';
import { type ErrorCode, PeftError } from '../errors.ts';
import { quote } from '../quote.ts';
import type { Value } from './value.ts';

/** One option of a configuration, or one field of a file: described once, for code, checks, help and tables. */
export interface Option<T = unknown> {
  /** A description in one sentence. */
  readonly description: string;
  /** The allowed values. */
  readonly value: Value;
  /** The default. */
  readonly default: T;
  /** Whether it must be given. */
  readonly required?: boolean;
}

/** Options by name, in the order in which they are listed and stored. */
export type Options = Readonly<Record<string, Option>>;

type TypeOf<O> = O extends Option<infer T> ? T : never;

/** A whole configuration: every option has a value, which may be `undefined` where there is no default. */
export type ConfigOf<Described extends Options> = { [Name in keyof Described]: TypeOf<Described[Name]> };

type RequiredNames<Described extends Options> = {
  [Name in keyof Described]: Described[Name] extends { readonly required: true } ? Name : never;
}[keyof Described];

/** The options as a user gives them: the required ones, and those that differ from their defaults. */
export type GivenOf<Described extends Options> = Partial<ConfigOf<Described>> &
  Pick<ConfigOf<Described>, RequiredNames<Described>>;

/** An option with a default; without one, it is `undefined` unless given. */
export function option<T>(description: string, value: Value<T>, otherwise: NoInfer<T>): Option<T>;
export function option<T>(description: string, value: Value<T>): Option<T | undefined>;
/* @__NO_SIDE_EFFECTS__ */
export function option<T>(description: string, value: Value<T>, otherwise?: T): Option<T | undefined> {
  return { description, value, default: otherwise };
}

/** An option that must be given. */
/* @__NO_SIDE_EFFECTS__ */
export function required<T>(description: string, value: Value<T>): Option<T> & { readonly required: true } {
  return { description, value, default: undefined as T, required: true };
}

/** The defaults of all options that are not required. */
/* @__NO_SIDE_EFFECTS__ */
export function defaultsOf<Described extends Options>(
  described: Described,
): Omit<ConfigOf<Described>, RequiredNames<Described>> {
  const optional = Object.entries(described).filter(([, entry]) => !entry.required);
  return Object.fromEntries(optional.map(([name, entry]) => [name, entry.default])) as never;
}

/** `rankPattern["blocks.0"]` */
const pathOf = (name: string, issue: v.BaseIssue<unknown>): string =>
  (issue.path ?? []).reduce((path, { key }) => {
    return typeof key === 'number' ? `${path}[${key}]` : `${path}[${quote(key)}]`;
  }, name);

/** The kind of value at the place of an issue, as far as its path is known to the description. */
function valueAt(value: Value, keys: readonly unknown[]): Value {
  const [key, ...rest] = keys;
  if (keys.length === 0) return value;
  if (value.kind === 'list' || value.kind === 'table') return valueAt(value.of, rest);
  if (value.kind === 'nullable') return valueAt(value.of, keys);
  const field = value.kind === 'object' ? value.fields[String(key)] : undefined;
  return field ? valueAt(field, rest) : value;
}

/**
 * A sentence that says what is wrong with a value: `r is 0; it must be an integer of 1 or more.` Undefined if nothing is.
 *
 * @param name how the user calls it
 */
export function problemOf(name: string, value: Value, given: unknown): string | undefined {
  const { issues } = v.safeParse(value.schema, given, { abortEarly: true });
  if (!issues) return undefined;
  const [issue] = issues;
  const { expected } = valueAt(value, issue.path?.map(({ key }) => key) ?? []);
  return `${pathOf(name, issue)} is ${quote(issue.input)}; it must be ${expected}.`;
}

/** More names that are not described are not worth telling. */
const shownUnknown = 12;

const unknownNames = (subject: string, described: Options, given: object): string[] => {
  const unknown = Object.keys(given).filter(name => !Object.hasOwn(described, name));
  const known = Object.keys(described);
  return unknown
    .slice(0, shownUnknown)
    .map(name => `${subject} has no option ${quote(name)}; closest: ${closest(name, known)}.`);
};

export interface ConfigureOptions {
  /** The code of the error; `bad-config` unless given. */
  code?: ErrorCode;
  /** Whether names that are not described are ignored rather than refused. */
  ignoreUnknown?: boolean;
}

/**
 * A whole configuration: what was given, checked, on top of the defaults.
 *
 * @param subject whose options they are, for errors: a method's name, or a file's
 * @throws PeftError that names everything that is wrong, what was found there, and what it must be
 */
export function configure<Described extends Options>(
  subject: string,
  described: Described,
  given: object,
  { code = 'bad-config', ignoreUnknown = false }: ConfigureOptions = {},
): ConfigOf<Described> {
  const problems = ignoreUnknown ? [] : unknownNames(subject, described, given);
  const entries = Object.entries(described).map(([name, { value, default: otherwise, required: isRequired }]) => {
    const found: unknown = Object.hasOwn(given, name) ? given[name as keyof typeof given] : undefined;
    if (found === undefined) {
      if (isRequired) problems.push(`${subject}: ${name} is missing; it must be ${value.expected}.`);
      return [name, otherwise];
    }
    const problem = problemOf(name, value, found);
    if (problem) problems.push(`${subject}: ${problem}`);
    return [name, found];
  });
  if (problems.length > 0) throw new PeftError(code, problems.join('\n'));
  return Object.fromEntries(entries);
}

/**
 * Tells a method's own options from those of the method that it makes to act on. Options left `undefined` are in neither.
 *
 * @throws PeftError `bad-config` for a name that is in neither description
 */
export function splitOptions<Own extends Options, Inner extends Options>(
  subject: string,
  own: Own,
  inner: Inner,
  given: object,
): { own: Partial<ConfigOf<Own>>; inner: Partial<ConfigOf<Inner>> } {
  const problems = unknownNames(subject, { ...own, ...inner }, given);
  if (problems.length > 0) throw new PeftError('bad-config', problems.join('\n'));
  const entries = Object.entries(given).filter(([, found]) => found !== undefined);
  const isOwn = ([name]: [string, unknown]): boolean => Object.hasOwn(own, name);
  return {
    own: Object.fromEntries(entries.filter(isOwn)) as Partial<ConfigOf<Own>>,
    inner: Object.fromEntries(entries.filter(entry => !isOwn(entry))) as Partial<ConfigOf<Inner>>,
  };
}
