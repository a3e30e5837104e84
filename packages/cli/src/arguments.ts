import { readFile } from 'node:fs/promises';
import { PeftError } from '@peft/core';
import * as v from 'valibot';
import { parse } from 'yaml';
import { checksOf } from './argument.ts';
import { described } from './argument-list.ts';

/** Wrong use of the command line: exit status 2. */
export class UsageError extends Error {}

/** What a configuration file may hold. */
export const configFile = v.strictObject(checksOf(described));

export type Arguments = v.InferOutput<typeof configFile>;

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

/** Flags over the configuration file's arguments, checked. */
export async function readArguments({
  config,
  ...flags
}: { config?: string } & Record<string, unknown>): Promise<Arguments> {
  const file = config === undefined ? {} : await readConfig(config);
  const result = v.safeParse(configFile, { ...file, ...flags });
  if (result.success) return result.output;
  const lines = result.issues.map(issue => `${flagOf(v.getDotPath(issue) ?? '')}: ${issue.message}`);
  throw new UsageError(lines.join('\n'));
}

/** An argument that this command cannot do without. */
export function required<K extends keyof Arguments>(args: Arguments, name: K): NonNullable<Arguments[K]> {
  const value = args[name];
  if (value === undefined || value === null) throw new UsageError(`${flagOf(name)} is needed.`);
  return value;
}
