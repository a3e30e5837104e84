import { readFile } from 'node:fs/promises';
import { closest, PeftError } from '@peft/core';
import { problemOf } from '@peft/core/method';
import { parse } from 'yaml';
import type { Argument, ValueOf } from './argument.ts';
import { described } from './argument-list.ts';

/** Wrong use of the command line: exit status 2. */
export class UsageError extends Error {}

type Described = typeof described;

/** Makes the fields optional that can be undefined. */
type Open<T> = { [K in keyof T as undefined extends T[K] ? K : never]?: T[K] } & {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
};

/** All arguments, checked. */
export type Arguments = Open<{ [Name in keyof Described]: ValueOf<Described[Name]> }>;

async function readConfig(path: string): Promise<object> {
  try {
    const config: unknown = parse(await readFile(path, 'utf8'));
    if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config;
  } catch (cause) {
    throw new PeftError('bad-file', `Cannot read the configuration ${path}: ${(cause as Error).message}`, { cause });
  }
  throw new PeftError('bad-file', `The configuration ${path} must be a JSON or YAML object of arguments.`);
}

/** `--weight-decay` */
export const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;

type Known = Readonly<Record<string, Argument>>;

/**
 * Checks and converts the given values of some arguments.
 *
 * @param nameOf the name by which the user knows an argument
 * @param problems gets a line for each wrong argument
 */
function read(known: Known, given: object, nameOf: (name: string) => string, problems: string[]): object {
  for (const name of Object.keys(given).filter(name => !Object.hasOwn(known, name))) {
    const names = Object.keys(known);
    problems.push(`There is no argument ${nameOf(name)}; closest: ${nameOf(closest(name, names) ?? '')}.`);
  }
  const entries = Object.entries(known).map(([name, { value, default: otherwise, read: as, entries: inner }]) => {
    const found: unknown = Object.hasOwn(given, name) ? given[name as keyof typeof given] : undefined;
    if (found === undefined) return [name, otherwise];
    const problem = problemOf(nameOf(name), value, found);
    if (problem) problems.push(problem);
    if (problem || !inner) return [name, problem || !as ? found : as(found)];
    const table = Object.entries(found as Readonly<Record<string, object>>).map(([key, value]) => {
      return [key, read(inner, value, of => `${nameOf(name)} ${key}.${of}`, problems)];
    });
    return [name, Object.fromEntries(table)];
  });
  return Object.fromEntries(entries.filter(([, found]) => found !== undefined));
}

/** The arguments of the configuration file and of the flags, which win, checked. */
export async function readArguments({
  config,
  ...flags
}: { config?: string } & Record<string, unknown>): Promise<Arguments> {
  const file = config === undefined ? {} : await readConfig(config);
  const given = Object.entries({ ...file, ...flags }).filter(([, found]) => found !== undefined);
  const problems: string[] = [];
  const args = read(described, Object.fromEntries(given), flagOf, problems);
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  return args as Arguments;
}

/** The value of an argument that the command needs. */
export function required<K extends keyof Arguments>(args: Arguments, name: K): NonNullable<Arguments[K]> {
  const value = args[name];
  if (value === undefined || value === null) throw new UsageError(`${flagOf(name)} is needed.`);
  return value;
}
