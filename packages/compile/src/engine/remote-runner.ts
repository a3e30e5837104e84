import { type ErrorCode, PeftError } from '@peft/core';
import type { HostArray, Runner, SessionPlan, SlotValue } from './runner.ts';
import type { Thread } from './thread.ts';

type Method = Exclude<keyof Runner, 'threads'> | 'open';

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: unknown;
  /** The code of a `PeftError`. */
  readonly code?: ErrorCode;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** A runner in another thread. The thread keeps the process alive only while it works. */
export class RemoteRunner implements Runner {
  readonly #thread: Thread;
  readonly #pending = new Map<number, Pending>();
  #threads: number | undefined;
  #calls = 0;
  #failure: unknown;

  constructor(thread: Thread) {
    this.#thread = thread;
    thread.hold(false);
    thread.listen(
      reply => this.#settle(reply as Reply),
      reason => this.#fail(reason),
    );
  }

  get threads(): number | undefined {
    return this.#threads;
  }

  /** Loads ONNX Runtime in the thread and makes a runner with these options. */
  async open(options: unknown): Promise<void> {
    this.#threads = (await this.#call('open', [options])) as number | undefined;
  }

  async put(values: readonly SlotValue[]): Promise<void> {
    await this.#call(
      'put',
      [values],
      values.map(({ data }) => data.buffer),
    );
  }

  async get(slots: readonly number[]): Promise<HostArray[]> {
    return (await this.#call('get', [slots])) as HostArray[];
  }

  async drop(slots: readonly number[]): Promise<void> {
    await this.#call('drop', [slots]);
  }

  async load(plan: SessionPlan): Promise<number> {
    return (await this.#call('load', [plan], [plan.model.buffer])) as number;
  }

  async run(session: number, feeds: Readonly<Record<string, HostArray>>): Promise<Record<string, HostArray>> {
    return (await this.#call('run', [session, feeds])) as Record<string, HostArray>;
  }

  async unload(session: number): Promise<void> {
    await this.#call('unload', [session]);
  }

  async close(): Promise<void> {
    // A thread that has failed, or never opened, has nothing left to close.
    await this.#call('close', []).catch(() => {});
    this.#fail(new Error('The engine was disposed of.'));
    await this.#thread.end();
  }

  #call(method: Method, parameters: unknown[], transfer: ArrayBuffer[] = []): Promise<unknown> {
    if (this.#failure) return Promise.reject(workerError(this.#failure));
    return new Promise((resolve, reject) => {
      const id = ++this.#calls;
      this.#thread.post({ id, method, parameters }, transfer);
      if (this.#pending.size === 0) this.#thread.hold(true);
      this.#pending.set(id, { resolve, reject });
    });
  }

  #settle({ id, result, error, code }: Reply): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#thread.hold(false);
    if (error === undefined) pending?.resolve(result);
    else pending?.reject(workerError(error, code));
  }

  #fail(failure: unknown): void {
    this.#failure ??= failure;
    for (const { reject } of this.#pending.values()) reject(workerError(failure));
    this.#pending.clear();
  }
}

function workerError(cause: unknown, code?: ErrorCode): PeftError {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (code) return new PeftError(code, message, { cause });
  if (message.includes("Cannot find package 'onnxruntime-node'")) {
    return new PeftError(
      'missing',
      'onnxEngine needs the package onnxruntime-node, which is not installed. Install it ' +
        '(ONNXRUNTIME_NODE_INSTALL=skip leaves out the CUDA libraries), or use eagerEngine().',
      { cause },
    );
  }
  return new PeftError('state', `ONNX Runtime failed: ${message}`, { cause });
}
