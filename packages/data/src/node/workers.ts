import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { PeftError } from '@peft/core';
import { type FileJob, runJob } from './file-job.ts';
import { type Reply, read } from './job-reply.ts';

/** As many pictures as batches ask for at once. */
const mostByDefault = 4;

/** After so long without a picture, in ms, threads end. */
const lingerMs = 10_000;

interface Task {
  readonly job: FileJob;
  resolve(floats: Float32Array): void;
  reject(error: unknown): void;
}

interface Thread {
  readonly worker: Worker;
  /** Whether it has loaded. */
  isReady: boolean;
  task: Task | undefined;
}

/**
 * Threads that prepare pictures, each one at a time. They are started when there is work, keep the process alive only while they
 * work, and end some time after. Where they cannot be started, as in a bundle without their file, this thread does the work.
 */
class Pool {
  readonly #count: number;
  readonly #threads = new Set<Thread>();
  readonly #queue: Task[] = [];
  #isBroken = false;
  #linger: NodeJS.Timeout | undefined;

  constructor(count: number) {
    this.#count = count;
  }

  run(job: FileJob): Promise<Float32Array> {
    if (this.#isBroken) return runJob(job);
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, resolve, reject });
      this.#giveOut();
    });
  }

  #giveOut(): void {
    clearTimeout(this.#linger);
    for (let task = this.#queue[0]; task; task = this.#queue[0]) {
      const thread = [...this.#threads].find(({ task }) => !task) ?? this.#start();
      if (!thread) break;
      this.#queue.shift();
      thread.task = task;
      thread.worker.ref();
      thread.worker.postMessage(task.job);
    }
    const isIdle = ![...this.#threads].some(({ task }) => task);
    if (isIdle) this.#linger = setTimeout(() => this.#end(), lingerMs).unref();
  }

  #start(): Thread | undefined {
    if (this.#isBroken || this.#threads.size === this.#count) return undefined;
    try {
      const worker = new Worker(new URL('./picture-worker.mjs', import.meta.url), { execArgv: [] });
      worker.unref();
      const thread: Thread = { worker, isReady: false, task: undefined };
      worker.on('message', (message: Reply | 'ready') => this.#receive(thread, message));
      worker.on('messageerror', error => this.#lose(thread, error));
      worker.on('error', error => this.#lose(thread, error));
      worker.on('exit', code => this.#lose(thread, new Error(`The thread ended with code ${code}.`)));
      this.#threads.add(thread);
      return thread;
    } catch {
      this.#doHere();
      return undefined;
    }
  }

  #receive(thread: Thread, message: Reply | 'ready'): void {
    thread.isReady = true;
    const { task, worker } = thread;
    if (message === 'ready' || !task) return;
    thread.task = undefined;
    worker.unref();
    try {
      task.resolve(read(message, task.job.source));
    } catch (error) {
      task.reject(error);
    }
    this.#giveOut();
  }

  /** Goes on without a thread that failed. */
  #lose(thread: Thread, cause: Error): void {
    if (!this.#threads.delete(thread)) return;
    const { task, worker, isReady } = thread;
    void worker.terminate();
    if (!isReady) {
      if (task) this.#queue.unshift(task);
      this.#doHere();
      return;
    }
    task?.reject(new PeftError('state', `The thread that read ${task.job.source} failed: ${cause.message}`, { cause }));
    this.#giveOut();
  }

  #doHere(): void {
    this.#isBroken = true;
    for (const { job, resolve, reject } of this.#queue.splice(0)) runJob(job).then(resolve, reject);
  }

  #end(): void {
    for (const { worker } of this.#threads) void worker.terminate();
    this.#threads.clear();
  }
}

/** Those of this process, by their number of threads: all datasets share them. */
const pools = new Map<number, Pool>();

function poolOf(count: number): Pool {
  const pool = pools.get(count) ?? new Pool(count);
  pools.set(count, pool);
  return pool;
}

export function checkWorkers(workers: number | undefined): void {
  if (workers === undefined || (Number.isInteger(workers) && workers >= 0)) return;
  throw new PeftError('bad-argument', `workers is ${workers}; it must be an integer of 0 or more.`);
}

/** Reads, decodes and transforms a picture file, to `[height, width, 3]`. */
export function prepareFile(
  job: FileJob,
  workers = Math.min(mostByDefault, availableParallelism()),
): Promise<Float32Array> {
  return workers === 0 ? runJob(job) : poolOf(workers).run(job);
}
