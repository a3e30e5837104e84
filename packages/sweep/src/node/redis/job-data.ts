import type { JsonObject } from '@peft/core';
import type { Failure } from '../../entry.ts';

/** What a job holds in Redis. */
export interface JobData {
  readonly data: JsonObject;
  /** How often jobs had been cancelled when it was added. */
  readonly cancels: number;
  /** How many workers may die at it. */
  readonly deaths: number;
}

/** What a job that ended well leaves there. */
export type JobResult = { readonly value: JsonObject } | { readonly isCancelled: true };

/** What a worker says of a job: its progress, and at last why it failed. */
export interface JobProgress {
  readonly progress?: JsonObject;
  readonly failure?: Failure;
}
