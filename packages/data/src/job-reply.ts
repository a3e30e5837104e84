import { type ErrorCode, PeftError } from '@peft/core';
import { TransformFailed } from './prepare.ts';
import { Refused } from './refused.ts';

/** What a thread answers. Of errors that are ours it says all that they are made of. */
export type Reply =
  | { readonly floats: Float32Array }
  | { readonly refused: Pick<Refused, 'code' | 'subject' | 'reason' | 'advice'>; readonly cause: Error }
  | { readonly failed: 'transform' | 'other'; readonly code: ErrorCode; readonly cause: Error }
  | { readonly cause: Error };

/** An error as another thread can have it: without its class and its cause, which need not be cloneable. */
const plain = (error: unknown): Error =>
  error instanceof Error
    ? Object.assign(new Error(error.message), { stack: error.stack, name: error.name })
    : new Error(String(error));

/** The reply that says why a picture has no floats. */
export function failureOf(error: unknown): Reply {
  const cause = plain(error);
  if (error instanceof Refused) {
    const { code, subject, reason, advice } = error;
    return { refused: { code, subject, reason, advice }, cause };
  }
  if (!(error instanceof PeftError)) return { cause };
  return { failed: error instanceof TransformFailed ? 'transform' : 'other', code: error.code, cause };
}

/** The floats of a reply, or the error as it would be in this thread. */
export function read(reply: Reply): Float32Array {
  if ('floats' in reply) return reply.floats;
  const { cause } = reply;
  if ('refused' in reply) {
    const { code, subject, reason, advice } = reply.refused;
    throw new Refused(code, subject, reason, advice, { cause });
  }
  if (!('failed' in reply)) throw cause;
  const Failure = reply.failed === 'transform' ? TransformFailed : PeftError;
  throw new Failure(reply.code, cause.message, { cause });
}
