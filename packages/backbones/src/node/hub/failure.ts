import { PeftError } from '@peft/core';
import type { HubReference } from '../../hub/reference.ts';

/** An exchange with the Hub that failed. `explain` turns it into the caller's PeftError. */
export class HubFailure extends Error {
  /** The HTTP status, if there was an answer. */
  readonly status: number | undefined;
  /** Whether the server gave no answer, or one that says it is busy or broken. Then a cached copy may be used. */
  readonly isTransient: boolean;

  constructor(message: string, { status, cause }: { status?: number; cause?: unknown } = {}) {
    super(message, { cause });
    this.status = status;
    this.isTransient = status === undefined || status === 429 || status >= 500;
  }
}

function advice(status: number | undefined): string {
  if (status === 401 || status === 403) {
    return 'It may be private or gated, or its name wrong: check the name, and set HF_TOKEN to a token that may read it.';
  }
  if (status === 404) return 'Check the name and the revision.';
  if (status === 429) return 'The Hub limits the rate of requests: wait, or set HF_TOKEN.';
  return 'What has arrived is kept: try again to resume.';
}

const isSystemError = (cause: unknown): cause is Error => cause instanceof Error && 'syscall' in cause;

/** The error for a caller: what failed, for which model, and what to do. Other errors than the Hub's and the disk's stay as they are. */
export function explain(cause: unknown, { name, revision }: HubReference): unknown {
  if (cause instanceof HubFailure) {
    const text = `Could not get ${name}@${revision} from the Hub: ${cause.message}. ${advice(cause.status)}`;
    return new PeftError('missing', text, { cause });
  }
  if (!isSystemError(cause)) return cause;
  const what = `Could not keep ${name}@${revision} in the Hub's cache: ${cause.message}`;
  const text = `${what}. Free space there, or set HF_HUB_CACHE to a folder that can be written.`;
  return new PeftError('write-failed', text, { cause });
}
