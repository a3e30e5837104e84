import { compilePattern } from '../pattern/compile.ts';
import { match, type Work } from '../pattern/matcher.ts';
import type { Program } from '../pattern/program.ts';

/*
 * Regular expressions as Python's `re` has them. They come from strangers' files, and JavaScript's own engine can take
 * forever over `(.*)` written 25 times. Engines that cannot (RE2, and its port re2js at 46 kB gzipped) have no lookaround,
 * which people do write: `^(?!.*patch_embed).*proj$`. So there is one here, of bounded work.
 */

/** The most steps that matching the names of one model may take: some tenths of a second. */
const mostWork = 2_000_000;

/** A bound on the work of matches that belong together. */
export const boundedWork = (): Work => ({ left: mostWork });

export type { Work };

const programs = new Map<string, Program>();
const mostPrograms = 200;

/** A compiled pattern, from a cache of those used last. */
function programOf(pattern: string, isWhole: boolean): Program {
  const key = `${isWhole ? 'whole' : 'start'} ${pattern}`;
  const program = programs.get(key) ?? compilePattern(pattern, isWhole);
  programs.delete(key);
  programs.set(key, program);
  if (programs.size > mostPrograms) programs.delete(programs.keys().next().value!);
  return program;
}

/** Throws unless a regular expression is valid by itself. */
export function checkPattern(pattern: string): void {
  programOf(pattern, true);
}

/** Whether a regular expression matches a whole text (`re.fullmatch`). */
export const fullMatch = (pattern: string, text: string, work = boundedWork()): boolean =>
  match(programOf(pattern, true), text, work) !== undefined;

/** The groups of a match from the start of a text on (`re.match`), the whole match first. */
export const matchStart = (pattern: string, text: string, work = boundedWork()): (string | undefined)[] | undefined =>
  match(programOf(pattern, false), text, work);
