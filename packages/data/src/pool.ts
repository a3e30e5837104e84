import { PeftError } from '@peft/core';
import type { Preparation } from './dataset.ts';
import { type Reply, read } from './job-reply.ts';

/** A picture, and what to make of it. Plain data: it goes to other threads. */
export interface Job extends Preparation {
  /** What to call the picture in errors. */
  readonly source: string;
}

/** Another thread, from the side that sends it jobs. */
export interface Thread<J> {
  post(job: J): void;
  /** Calls `reply` with each answer, first `ready` once it has loaded, and `fail` if the thread ends or throws. */
  listen(reply: (message: Reply | 'ready') => void, fail: (cause: Error) => void): void;
  /** Sets whether the thread keeps the process alive. */
  hold(busy: boolean): void;
  end(): void;
}

export interface PoolOptions<J> {
  readonly threads: number;
  start(): Thread<J>;
  /** Does a job in this thread. */
  runHere(job: J): Promise<Float32Array>;
}

/** After so long without a picture, in ms, threads end. */
const lingerMs = 10_000;

interface Task<J> {
  readonly job: J;
  resolve(floats: Float32Array): void;
  reject(error: unknown): void;
}

interface Member<J> {
  readonly thread: Thread<J>;
  /** Whether it has loaded. */
  isReady: boolean;
  task: Task<J> | undefined;
}

/**
 * Threads that prepare pictures, each one at a time. They are started when there is work, keep the process alive only while they
 * work, and end some time after. Where they cannot be started, as in a bundle without their file, this thread does the work.
 */
export class Pool<J extends Job> {
  readonly #options: PoolOptions<J>;
  readonly #members = new Set<Member<J>>();
  readonly #queue: Task<J>[] = [];
  #isBroken = false;
  #linger: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PoolOptions<J>) {
    this.#options = options;
  }

  run(job: J): Promise<Float32Array> {
    if (this.#isBroken) return this.#options.runHere(job);
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, resolve, reject });
      this.#giveOut();
    });
  }

  #giveOut(): void {
    clearTimeout(this.#linger);
    for (let task = this.#queue[0]; task; task = this.#queue[0]) {
      const member = [...this.#members].find(({ task }) => !task) ?? this.#start();
      if (!member) break;
      this.#queue.shift();
      member.task = task;
      member.thread.hold(true);
      member.thread.post(task.job);
    }
    const isIdle = ![...this.#members].some(({ task }) => task);
    if (isIdle) {
      this.#linger = setTimeout(() => this.#end(), lingerMs);
      if (typeof this.#linger === 'object') this.#linger.unref(); // a browser's is a number
    }
  }

  #start(): Member<J> | undefined {
    if (this.#isBroken || this.#members.size === this.#options.threads) return undefined;
    try {
      const member: Member<J> = { thread: this.#options.start(), isReady: false, task: undefined };
      member.thread.hold(false);
      member.thread.listen(
        message => this.#receive(member, message),
        cause => this.#lose(member, cause),
      );
      this.#members.add(member);
      return member;
    } catch {
      this.#doHere();
      return undefined;
    }
  }

  #receive(member: Member<J>, message: Reply | 'ready'): void {
    member.isReady = true;
    const { task, thread } = member;
    if (message === 'ready' || !task) return;
    member.task = undefined;
    thread.hold(false);
    try {
      task.resolve(read(message));
    } catch (error) {
      task.reject(error);
    }
    this.#giveOut();
  }

  /** Goes on without a thread that failed. */
  #lose(member: Member<J>, cause: Error): void {
    if (!this.#members.delete(member)) return;
    const { task, thread, isReady } = member;
    thread.end();
    if (!isReady) {
      if (task) this.#queue.unshift(task);
      this.#doHere();
      return;
    }
    const message = `The thread that read ${task?.job.source} failed: ${cause.message}`;
    task?.reject(new PeftError('state', message, { cause }));
    this.#giveOut();
  }

  #doHere(): void {
    this.#isBroken = true;
    for (const { job, resolve, reject } of this.#queue.splice(0)) this.#options.runHere(job).then(resolve, reject);
  }

  #end(): void {
    for (const { thread } of this.#members) thread.end();
    this.#members.clear();
  }
}
