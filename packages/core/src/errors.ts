/** The kind of error, for programs. */
export type ErrorCode =
  | 'bad-argument'
  | 'bad-config'
  | 'bad-file'
  | 'bad-shape'
  | 'device-lost'
  | 'missing'
  | 'no-match'
  | 'not-mergeable'
  | 'not-supported'
  | 'numerics'
  | 'state'
  | 'write-failed';

/** The error that these packages throw: a message that says what, where and what to do, and a `code`. */
export class PeftError extends Error {
  override readonly name = 'PeftError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Throws a {@link PeftError} unless `condition` holds. */
export function check(condition: unknown, code: ErrorCode, message: () => string): asserts condition {
  if (!condition) throw new PeftError(code, message());
}
