import { setTimeout as sleep } from 'node:timers/promises';
import { check, PeftError } from '@peft/core';
import { type Job as BullJob, Queue as BullQueue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Job, type Outcome, type Queue, type QueueState, type RetryOptions, retryDefaults } from '../queue.ts';
import { connectRedis } from './connection.ts';
import type { JobData, JobProgress, JobResult } from './job-data.ts';
import { cancelsKey, ownerKey, ownId, prefix, putBackKey, queueName, redisId } from './names.ts';
import { lockScheduler, type SchedulerLock } from './scheduler-lock.ts';

type Stored = BullJob<JobData, JobResult>;

/** Jobs that are read or written at once. */
const page = 500;
/** BullMQ's events that are kept: each has the result of its job once more, and only the dashboard reads them. */
const keptEvents = 50;
/** How long the scheduler trusts that a job which it added is there, in ms: someone may have removed it. */
const trust = 60_000;
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
  /** The jobs that Redis has, as far as is known, and since when. */
  readonly #known = new Set<string>();
  #knownSince = performance.now();

  constructor(redis: Redis, lock: SchedulerLock, retry: RetryOptions, cancels: number) {
    this.#redis = redis;
    this.#lock = lock;
    this.#retry = retry;
    this.#cancels = cancels;
    const streams = { events: { maxLen: keptEvents } };
    this.#queue = new BullQueue(queueName, { connection: redis, prefix, streams });
    this.#queue.on('error', () => {}); // the connection tells
    redis.on('close', () => this.#known.clear()); // it may come back without the last of them
  }

  async add(jobs: readonly Job[]): Promise<void> {
    this.#lock.check();
    const { attempts, backoff, deaths } = this.#retry;
    if (performance.now() - this.#knownSince > trust) {
      this.#known.clear();
      this.#knownSince = performance.now();
    }
    const unknown = jobs.filter(({ id }) => !this.#known.has(id));
    const bulk = unknown.map(({ id, priority, data }) => ({
      name: queueName,
      data: { data, cancels: this.#cancels, deaths },
      opts: { jobId: redisId(id), priority, attempts, backoff: { type: 'exponential', delay: backoff } },
    }));
    for (let i = 0; i < bulk.length; i += page) await this.#queue.addBulk(bulk.slice(i, i + page));
    for (const { id } of unknown) this.#known.add(id);
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
    for (const id of ids) this.#known.delete(ownId(id));
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
    this.#known.clear();
  }

  /**
   * Claims the database for a sweep.
   *
   * @throws PeftError `state` if it has jobs of another
   */
  async claim(owner: string): Promise<void> {
    const before = await this.#redis.get(ownerKey);
    if (before !== null && before !== owner) {
      await this.#read(); // what is left of cancelled jobs goes
      const count = await this.#queue.getJobCountByTypes();
      check(count === 0, 'state', () => {
        return `This database of Redis has ${count} runs of another sweep. Call that one again and let it end, or cancel it while it runs; or give another database: redis://HOST/1; or forget those runs: redis-cli flushdb.`;
      });
    }
    await this.#redis.set(ownerKey, owner);
  }

  async close(): Promise<void> {
    if (this.#redis.status === 'ready') await this.#lock.release();
    await this.#queue.close();
    this.#redis.disconnect();
  }
}

export interface RedisQueueOptions {
  /** The sweep, by its id: a database has the jobs of one at a time. */
  readonly owner?: string;
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
 * @throws PeftError `state` if Redis cannot be used, another scheduler uses this database, or it has jobs of another sweep
 */
export async function openRedisQueue(url: string, options: RedisQueueOptions = {}): Promise<Queue> {
  const { owner, retry, notice, signal } = options;
  const redis = await connectRedis(url, notice);
  const giveUp = (): void => {
    if (redis.status !== 'ready') redis.disconnect();
  };
  signal?.addEventListener('abort', giveUp);
  redis.once('end', () => signal?.removeEventListener('abort', giveUp));
  try {
    const lock = await lockScheduler(redis);
    await redis.del(putBackKey); // the reasons of an earlier call
    const cancels = Number((await redis.get(cancelsKey)) ?? 0);
    const queue = new RedisQueue(redis, lock, { ...retryDefaults, ...retry }, cancels);
    try {
      if (owner !== undefined) await queue.claim(owner);
      return queue;
    } catch (error) {
      await queue.close();
      throw error;
    }
  } catch (error) {
    redis.disconnect();
    if (error instanceof PeftError) throw error;
    throw new PeftError('state', `Redis is gone: ${(error as Error).message}`, { cause: error });
  }
}
