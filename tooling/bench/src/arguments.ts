import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cases } from './cases.ts';

export interface Arguments {
  /** Names from {@link caseNames}. */
  cases: string[];
  rounds: number;
  threads: number;
  /** The page to write; without it, it is printed. */
  out: string | undefined;
  /** The file for the measures in numbers, of which the history is made. */
  json: string | undefined;
  /** The arguments as they were given. */
  given: string;
}

export const caseNames: readonly string[] = [...cases.map(({ id }) => id), 'scaling'];

/** The positive integer of an option. */
export const natural = (name: string, text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${name} takes a positive integer, not "${text}".`);
};

/** Reads the command line. Paths are relative to where the command was given, not to this package. */
export function readArguments(argv: readonly string[], folder: string): Arguments {
  const { values } = parseArgs({
    args: argv.filter(argument => argument !== '--'),
    options: {
      cases: { type: 'string', default: caseNames.join(',') },
      rounds: { type: 'string', default: '7' },
      threads: { type: 'string', default: String(availableParallelism()) },
      out: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const asked = values.cases.split(',');
  const unknown = asked.find(name => !caseNames.includes(name));
  if (unknown !== undefined) throw new Error(`There is no case "${unknown}"; there are ${caseNames.join(', ')}.`);
  const pathOf = (path: string | undefined) => (path === undefined ? undefined : resolve(folder, path));
  return {
    cases: caseNames.filter(name => asked.includes(name)),
    rounds: natural('rounds', values.rounds),
    threads: natural('threads', values.threads),
    out: pathOf(values.out),
    json: pathOf(values.json),
    given: argv.filter(argument => argument !== '--').join(' '),
  };
}
