import type { JsonObject } from '@peft/core';
import type { Failure } from '../entry.ts';

/** Something to be done once, by any worker. */
export interface Job {
  /** Letters, digits and hyphens. A job is added once, however often it is given. */
  readonly id: string;
  /** Jobs of a lower number go first; from 1. */
  readonly priority: number;
  readonly data: JsonObject;
}

/** What a job came to. */
export type Outcome =
  | { readonly id: string; readonly value: JsonObject }
  | { readonly id: string; readonly failure: Failure };

/** A job that a worker is at. */
export interface RunningJob {
  readonly id: string;
  /** What the worker said last. */
  readonly progress: JsonObject | undefined;
}

/** A look at a queue. */
export interface QueueState {
  /** Jobs that wait for a worker, those that are put back for a while included. */
  readonly waiting: number;
  readonly running: readonly RunningJob[];
  /** Why workers put jobs back, each reason once, the latest first. */
  readonly putBack: readonly string[];
}

/** The scheduler's side of a queue. One scheduler at a time. */
export interface Queue {
  /** Adds jobs. One that is there, or whose outcome is there, stays as it is. */
  add(jobs: readonly Job[]): Promise<void>;
  /**
   * The outcomes that are not taken yet: waits until there is one, or the signal aborts, or a second has passed. An outcome stays until
   * it is taken, whatever is killed: write it down, then take it.
   */
  outcomes(signal?: AbortSignal): Promise<readonly Outcome[]>;
  /** Forgets jobs whose outcomes are written down. */
  take(ids: readonly string[]): Promise<void>;
  state(): Promise<QueueState>;
  /** Gives out no further jobs. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Drops the jobs that wait, and interrupts those that run. */
  cancel(): Promise<void>;
  /** Lets go of the queue; what is in it stays there. */
  close(): Promise<void>;
}

/** How a queue treats jobs that do not succeed. */
export interface RetryOptions {
  /** How often a job is tried in all. */
  readonly attempts: number;
  /** The wait after a first failure, in ms; it doubles with each. */
  readonly backoff: number;
  /** How many workers may die at one job before it counts as failed. */
  readonly deaths: number;
}

export const retryDefaults: RetryOptions = { attempts: 3, backoff: 1000, deaths: 10 };

/** What a handler gets beside the job. */
export interface WorkContext {
  /** Aborts when the worker is to stop, or the job is cancelled. */
  readonly signal: AbortSignal;
  /** Tells the scheduler how far it is. */
  progress(progress: JsonObject): void;
}

/** Does a job. It may be called again for a job that it has done: it must come to the same. */
export type Handler = (job: Job, context: WorkContext) => Promise<JsonObject>;

/** Thrown by a handler that cannot do a job now, through no fault of the job: it goes back for another worker, and nothing is counted. */
export class PutBack extends Error {
  /** How long the job waits, in ms. */
  readonly delay: number;

  constructor(reason: string, delay: number) {
    super(reason);
    this.delay = delay;
  }
}
