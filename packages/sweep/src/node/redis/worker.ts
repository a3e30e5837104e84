import type { JsonObject } from '@peft/core';
import { type Job as BullJob, DelayedError, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Failure } from '../../entry.ts';
import { failureOf } from '../failure.ts';
import { type Handler, PutBack } from '../queue.ts';
import { connectRedis } from './connection.ts';
import type { JobData, JobResult } from './job-data.ts';
import { cancelsKey, ownId, prefix, putBackKey, queueName } from './names.ts';

type Stored = BullJob<JobData, JobResult>;

/** How often a worker asks whether its job is cancelled, in ms. */
const askEvery = 1000;
/** Reasons for putting jobs back that are kept. */
const keptReasons = 20;

/** Fails a job, and says why as data. */
async function fail(job: Stored, failure: Failure): Promise<never> {
  await job.updateProgress({ failure });
  throw failure.final ? new UnrecoverableError(failure.message) : new Error(failure.message);
}

/** Puts a job back, for another worker or for later. */
async function putBack(redis: Redis, job: Stored, token: string, { message, delay }: PutBack): Promise<never> {
  if (message) {
    await redis.zadd(putBackKey, Date.now(), message);
    await redis.zremrangebyrank(putBackKey, 0, -1 - keptReasons);
  }
  if (delay > 0) {
    await job.moveToDelayed(Date.now() + delay, token);
    throw new DelayedError();
  }
  await job.moveToWait(token);
  throw new WaitingError();
}

const isCancelled = async (redis: Redis, { data }: Stored): Promise<boolean> =>
  Number((await redis.get(cancelsKey)) ?? 0) !== data.cancels;

/** Asks again and again whether a job is cancelled, until it has ended. Returns what says that it has. */
function watchCancels(redis: Redis, job: Stored, cancel: () => void): () => void {
  const ask = async (): Promise<void> => {
    if (await isCancelled(redis, job)) cancel();
  };
  const timer = setInterval(() => void ask().catch(() => {}), askEvery); // Redis may be gone for a while
  return () => clearInterval(timer);
}

/** Does a job, and says what it came to. */
async function doJob(
  redis: Redis,
  job: Stored,
  token: string,
  handler: Handler,
  stop: AbortSignal,
): Promise<JobResult> {
  const { id = '', data, priority, stalledCounter: deaths } = job;
  if (await isCancelled(redis, job)) return { isCancelled: true };
  if (deaths > data.deaths) {
    const message = `${deaths} workers died at this job; the last said nothing. Is there enough memory?`;
    return fail(job, { message, final: false });
  }
  const cancelled = new AbortController();
  const unwatch = watchCancels(redis, job, () => cancelled.abort(new PutBack('', 0)));
  try {
    const value = await handler(
      { id: ownId(id), priority, data: data.data },
      {
        signal: AbortSignal.any([stop, cancelled.signal]),
        progress: (progress: JsonObject) => void job.updateProgress({ progress }).catch(() => {}),
      },
    );
    return { value };
  } catch (error) {
    if (cancelled.signal.aborted) return { isCancelled: true };
    if (error instanceof PutBack) return await putBack(redis, job, token, error);
    if (stop.aborted) return await putBack(redis, job, token, new PutBack('', 0));
    return await fail(job, failureOf(error));
  } finally {
    unwatch();
  }
}

export interface RedisWorkerOptions {
  /** Called when Redis is gone, and when it is back. */
  readonly notice?: (text: string) => void;
  /**
   * How long a worker may say nothing before its job is given to another, in ms; default 30,000. A worker says that it lives twice in that
   * time, between the steps of training.
   */
  readonly silence?: number;
}

/**
 * Works for the scheduler of a database of Redis, one job at a time, and waits for it while there is none.
 *
 * @param url as `openRedisQueue` takes it
 * @returns when the signal aborts
 * @throws PeftError `state` if Redis cannot be used at the start
 */
export async function workAtRedis(
  url: string,
  handler: Handler,
  signal: AbortSignal,
  { notice = () => {}, silence = 30_000 }: RedisWorkerOptions = {},
): Promise<void> {
  const redis = await connectRedis(url, notice);
  try {
    if (signal.aborted) return;
    const worker = new Worker<JobData, JobResult>(
      queueName,
      (job, token = '') => doJob(redis, job, token, handler, signal),
      {
        connection: redis,
        prefix,
        lockDuration: silence,
        stalledInterval: Math.ceil(silence / 3),
        maxStalledCount: Number.MAX_SAFE_INTEGER, // doJob counts, by what the scheduler allows
        drainDelay: 1,
      },
    );
    worker.on('error', error => {
      if (redis.status === 'ready') notice(`The queue: ${error.message}`); // else the connection tells
    });
    await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
    await closeWorker(worker);
  } finally {
    redis.disconnect();
  }
}

/** How long a worker may take to give its job back, in ms, if Redis is gone. */
const patience = 10_000;

async function closeWorker(worker: Worker): Promise<void> {
  const timer = setTimeout(() => void worker.close(true), patience);
  try {
    await worker.close();
  } finally {
    clearTimeout(timer);
  }
}
