import { setTimeout as sleep } from 'node:timers/promises';
import { PeftError } from '@peft/core';
import { type Job as BullJob, Queue as BullQueue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Job, type Outcome, type Queue, type QueueState, type RetryOptions, retryDefaults } from '../queue.ts';
import { connectRedis } from './connection.ts';
import type { JobData, JobProgress, JobResult } from './job-data.ts';
import { cancelsKey, ownId, prefix, putBackKey, queueName, redisId } from './names.ts';
import { lockScheduler, type SchedulerLock } from './scheduler-lock.ts';

type Stored = BullJob<JobData, JobResult>;

/** Jobs that are read or written at once. */
const page = 500;
/** BullMQ's events that are kept: each has the result of its job once more, and only the dashboard reads them. */
const keptEvents = 50;
/** How often to look for outcomes, in ms, and for how long. */
const lookEvery = 50;
const lookFor = 1000;

/** What became of a job; undefined if it was cancelled. */
function outcomeOf(job: Stored): Outcome | undefined {
  const { id = '', returnvalue: result, failedReason = '', progress } = job;
  if (result) return 'value' in result ? { id: ownId(id), value: result.value } : undefined;
  const { failure } = progress as JobProgress;
  // A worker that died after it said why, and before it failed, left words of an earlier attempt.
  return {
    id: ownId(id),
    failure: failure?.message === failedReason ? failure : { message: failedReason, final: false },
  };
}

class RedisQueue implements Queue {
  readonly #redis: Redis;
  readonly #queue: BullQueue<JobData, JobResult>;
  readonly #lock: SchedulerLock;
  readonly #retry: RetryOptions;
  #cancels: number;

  constructor(redis: Redis, lock: SchedulerLock, retry: RetryOptions, cancels: number) {
    this.#redis = redis;
    this.#lock = lock;
    this.#retry = retry;
    this.#cancels = cancels;
    const streams = { events: { maxLen: keptEvents } };
    this.#queue = new BullQueue(queueName, { connection: redis, prefix, streams });
    this.#queue.on('error', () => {}); // the connection tells
  }

  async add(jobs: readonly Job[]): Promise<void> {
    this.#lock.check();
    const { attempts, backoff, deaths } = this.#retry;
    const bulk = jobs.map(({ id, priority, data }) => ({
      name: queueName,
      data: { data, cancels: this.#cancels, deaths },
      opts: { jobId: redisId(id), priority, attempts, backoff: { type: 'exponential', delay: backoff } },
    }));
    for (let i = 0; i < bulk.length; i += page) await this.#queue.addBulk(bulk.slice(i, i + page));
  }

  async #read(): Promise<Outcome[]> {
    const jobs: Stored[] = await this.#queue.getJobs(['completed', 'failed'], 0, page - 1);
    const found = jobs.filter(job => job !== undefined); // one may be gone since it was listed
    const outcomes = found.map(outcomeOf);
    await this.#remove(found.filter((_, i) => outcomes[i] === undefined).flatMap(({ id }) => id ?? []));
    return outcomes.filter(outcome => outcome !== undefined);
  }

  async outcomes(signal?: AbortSignal): Promise<readonly Outcome[]> {
    for (const until = performance.now() + lookFor; ; ) {
      this.#lock.check();
      const found = await this.#read();
      if (found.length > 0 || signal?.aborted || performance.now() > until) return found;
      await sleep(lookEvery, undefined, { signal }).catch(() => {});
    }
  }

  async #remove(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map(id => this.#queue.remove(id)));
  }

  take(ids: readonly string[]): Promise<void> {
    return this.#remove(ids.map(redisId));
  }

  async state(): Promise<QueueState> {
    const counts = await this.#queue.getJobCounts('wait', 'prioritized', 'delayed');
    const active: Stored[] = await this.#queue.getJobs(['active'], 0, page - 1);
    const running = active.flatMap(job =>
      job?.id === undefined ? [] : [{ id: ownId(job.id), progress: (job.progress as JobProgress).progress }],
    );
    const putBack = await this.#redis.zrevrange(putBackKey, 0, -1);
    return { waiting: Object.values(counts).reduce((sum, count) => sum + count, 0), running, putBack };
  }

  pause(): Promise<void> {
    return this.#queue.pause();
  }

  resume(): Promise<void> {
    return this.#queue.resume();
  }

  async cancel(): Promise<void> {
    this.#cancels = await this.#redis.incr(cancelsKey);
    await this.#queue.drain(true);
  }

  async close(): Promise<void> {
    if (this.#redis.status === 'ready') await this.#lock.release();
    await this.#queue.close();
    this.#redis.disconnect();
  }
}

export interface RedisQueueOptions {
  readonly retry?: Partial<RetryOptions>;
  /** Called when Redis is gone, and when it is back. */
  readonly notice?: (text: string) => void;
  /** Ends the waiting for Redis, if it is gone when this aborts. */
  readonly signal?: AbortSignal;
}

/**
 * Opens the queue of a database of Redis, by BullMQ: its workers are processes of any machine, which `workAtRedis` connects. Whatever is
 * killed, no job is lost and none counts twice, as long as Redis keeps what it was told (`appendonly yes`); a job that Redis lost is
 * added again by the scheduler.
 *
 * @param url `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`, or `rediss://` with TLS
 * @throws PeftError `state` if Redis cannot be used, or another scheduler uses this database
 */
export async function openRedisQueue(url: string, options: RedisQueueOptions = {}): Promise<Queue> {
  const { retry, notice, signal } = options;
  const redis = await connectRedis(url, notice);
  const giveUp = (): void => {
    if (redis.status !== 'ready') redis.disconnect();
  };
  signal?.addEventListener('abort', giveUp);
  redis.once('end', () => signal?.removeEventListener('abort', giveUp));
  try {
    const lock = await lockScheduler(redis);
    await redis.del(putBackKey); // the reasons of an earlier call
    return new RedisQueue(redis, lock, { ...retryDefaults, ...retry }, Number((await redis.get(cancelsKey)) ?? 0));
  } catch (error) {
    redis.disconnect();
    if (error instanceof PeftError) throw error;
    throw new PeftError('state', `Redis is gone: ${(error as Error).message}`, { cause: error });
  }
}
