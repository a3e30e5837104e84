import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JsonObject } from '@peft/core';
import { type FolderLock, lockFolder } from '@peft/core/node';
import type { Failure } from '../../entry.ts';
import { type Job, type Outcome, type Queue, type QueueState, type RetryOptions, retryDefaults } from '../queue.ts';
import { newAddress, publish, withdraw } from './address.ts';
import { openJobs, type StoredJobs } from './jobs.ts';
import { type FromWorker, onMessage, send } from './messages.ts';
import { Waiting } from './waiting.ts';

/** A job that a worker is at. */
interface Running {
  readonly job: Job;
  progress?: JsonObject;
}

/** How often a job went wrong. */
interface Tries {
  failures: number;
  deaths: number;
}

const shownReasons = 20;

class EmbeddedQueue implements Queue {
  readonly #stored: StoredJobs;
  readonly #retry: RetryOptions;
  readonly #waiting = new Waiting();
  readonly #running = new Map<Socket, Running>();
  /** Workers without a job, the one that has waited longest first. */
  readonly #idle = new Set<Socket>();
  readonly #workers = new Set<Socket>();
  readonly #tries = new Map<string, Tries>();
  #putBack: string[] = [];
  #isPaused = false;
  #wake: () => void = () => {};
  /** What went wrong with the disk, which the scheduler must hear of. */
  #broken: unknown;

  constructor(stored: StoredJobs, retry: RetryOptions) {
    this.#stored = stored;
    this.#retry = retry;
    for (const [id, job] of stored.jobs) if (!stored.outcomes.has(id)) this.#waiting.add(job);
  }

  connect(worker: Socket): void {
    this.#workers.add(worker);
    worker.on('error', () => {}); // `close` follows
    worker.on('close', () => this.#lose(worker));
    onMessage<FromWorker>(worker, message => this.#receive(worker, message));
  }

  #receive(worker: Socket, message: FromWorker): void {
    if (message.type === 'ready') {
      this.#dismiss(worker);
      return;
    }
    const running = this.#running.get(worker);
    if (running?.job.id !== message.id) return; // the job was cancelled
    if (message.type === 'progress') running.progress = message.progress;
    else if (message.type === 'done') this.#end(worker, { id: message.id, value: message.value });
    else if (message.type === 'failed') this.#fail(worker, running.job, message.failure);
    else {
      if (message.reason) this.#putBack = [...new Set([message.reason, ...this.#putBack])].slice(0, shownReasons);
      this.#return(running.job, message.delay);
      this.#dismiss(worker);
    }
  }

  /** The worker is free for another job. */
  #dismiss(worker: Socket): void {
    this.#running.delete(worker);
    this.#idle.add(worker);
    this.#dispatch();
  }

  #end(worker: Socket, outcome: Outcome): void {
    this.#tries.delete(outcome.id);
    this.#store(outcome);
    this.#dismiss(worker);
  }

  #store(outcome: Outcome): void {
    if (!this.#stored.jobs.has(outcome.id)) return; // it was cancelled
    this.#stored.end(outcome).then(
      () => this.#wake(),
      error => {
        this.#broken = error;
        this.#wake();
      },
    );
  }

  #triesOf(id: string): Tries {
    const tries = this.#tries.get(id) ?? { failures: 0, deaths: 0 };
    this.#tries.set(id, tries);
    return tries;
  }

  #fail(worker: Socket, job: Job, failure: Failure): void {
    const tries = this.#triesOf(job.id);
    tries.failures++;
    if (failure.final || tries.failures >= this.#retry.attempts) this.#end(worker, { id: job.id, failure });
    else {
      this.#return(job, this.#retry.backoff * 2 ** (tries.failures - 1));
      this.#dismiss(worker);
    }
  }

  /** A worker is gone: killed, or its machine is. */
  #lose(worker: Socket): void {
    const running = this.#running.get(worker);
    this.#workers.delete(worker);
    this.#running.delete(worker);
    this.#idle.delete(worker);
    if (!running) return;
    const { job } = running;
    const tries = this.#triesOf(job.id);
    tries.deaths++;
    if (tries.deaths <= this.#retry.deaths) this.#return(job, 0);
    else {
      const message = `${tries.deaths} workers died at this job; the last said nothing. Is there enough memory?`;
      this.#store({ id: job.id, failure: { message, final: false } });
    }
  }

  #return(job: Job, delay: number): void {
    if (!this.#stored.jobs.has(job.id)) return; // it was cancelled
    if (delay > 0) this.#waiting.addLater(job, delay, () => this.#dispatch());
    else this.#waiting.add(job);
    this.#dispatch();
  }

  #dispatch(): void {
    for (const worker of this.#idle) {
      if (this.#isPaused) return;
      const job = this.#waiting.next();
      if (!job) return;
      this.#idle.delete(worker);
      this.#running.set(worker, { job });
      send(worker, { type: 'job', job });
    }
  }

  async add(jobs: readonly Job[]): Promise<void> {
    const unknown = jobs.filter(({ id }) => !this.#stored.jobs.has(id));
    const added = [...new Map(unknown.map(job => [job.id, job])).values()];
    if (added.length === 0) return;
    await this.#stored.add(added);
    for (const job of added) this.#waiting.add(job);
    this.#dispatch();
  }

  /** Waits for an outcome, an abort, or a second. */
  #news(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise(resolve => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, 1000);
      signal?.addEventListener('abort', done);
      this.#wake = done;
    });
  }

  async outcomes(signal?: AbortSignal): Promise<readonly Outcome[]> {
    if (this.#stored.outcomes.size === 0 && !this.#broken) await this.#news(signal);
    else await nextTurn(); // a caller that does not take them must not keep messages from coming
    if (this.#broken) throw this.#broken;
    return [...this.#stored.outcomes.values()];
  }

  async take(ids: readonly string[]): Promise<void> {
    await this.#stored.drop(ids);
  }

  async state(): Promise<QueueState> {
    const running = [...this.#running.values()].map(({ job, progress }) => ({ id: job.id, progress }));
    return { waiting: this.#waiting.size, running, putBack: this.#putBack };
  }

  async pause(): Promise<void> {
    this.#isPaused = true;
  }

  async resume(): Promise<void> {
    this.#isPaused = false;
    this.#dispatch();
  }

  async cancel(): Promise<void> {
    const { jobs, outcomes } = this.#stored;
    await this.#stored.drop([...jobs.keys()].filter(id => !outcomes.has(id)));
    this.#waiting.clear();
    for (const [worker, { job }] of this.#running) send(worker, { type: 'cancel', id: job.id });
  }

  async close(): Promise<void> {
    this.#waiting.clear();
    this.#isPaused = true;
    for (const worker of this.#workers) {
      send(worker, { type: 'end' });
      worker.end();
    }
    await this.#stored.close();
  }
}

const listen = (server: Server, address: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, resolve);
  });

/**
 * Opens the queue of a folder: its jobs in a journal, its workers processes of this machine, which `workAt` connects. Whatever is
 * killed, no job is lost and none counts twice.
 *
 * @throws PeftError `state` if another scheduler has the folder; `write-failed` if it cannot be written to; `bad-file` for a damaged
 *   journal
 */
export async function openEmbeddedQueue(folder: string, retry: Partial<RetryOptions> = {}): Promise<Queue> {
  const lock: FolderLock = await lockFolder(folder);
  let server: Server | undefined;
  try {
    const queue = new EmbeddedQueue(await openJobs(folder), { ...retryDefaults, ...retry });
    const address = await newAddress(folder);
    server = createServer(worker => queue.connect(worker));
    const listening = server;
    await listen(listening, address);
    await publish(folder, address);
    const close = queue.close.bind(queue);
    queue.close = async () => {
      listening.close();
      await close();
      await withdraw(folder);
      await lock.release();
    };
    return queue;
  } catch (error) {
    server?.close();
    await lock.release();
    throw error;
  }
}
