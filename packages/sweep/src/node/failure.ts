import { type ErrorCode, PeftError } from '@peft/core';
import type { Failure } from '../entry.ts';

/** The errors that a run has again, wherever it is repeated. */
const final: readonly ErrorCode[] = [
  'bad-argument',
  'bad-config',
  'bad-shape',
  'no-match',
  'not-mergeable',
  'not-supported',
  'numerics',
];

/** An error as plain data. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof PeftError))
    return { message: error instanceof Error ? error.message : String(error), final: false };
  const { message, code } = error;
  return { message, code, final: final.includes(code) };
}
