import { type ErrorCode, PeftError } from '@peft/core';

/** Why a picture is not used: `subject reason. advice.` */
export class Refused extends PeftError {
  readonly subject: string;
  readonly reason: string;
  readonly advice: string;

  constructor(code: ErrorCode, subject: string, reason: string, advice: string, options?: { cause?: unknown }) {
    super(code, `${subject} ${reason}. ${advice}.`, options);
    this.subject = subject;
    this.reason = reason;
    this.advice = advice;
  }

  /** The same about a named subject. */
  about(subject: string): Refused {
    return new Refused(this.code, subject, this.reason, this.advice, { cause: this });
  }
}

/** The error of bytes that are not a picture that can be decoded. */
export const undecodable = (why: string, advice = 'Replace the file, or remove it', cause?: unknown): Refused =>
  new Refused('bad-file', 'The picture', `cannot be decoded: ${why}`, advice, { cause });
