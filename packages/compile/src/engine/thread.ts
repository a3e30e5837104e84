import type { Worker as NodeWorker } from 'node:worker_threads';
import { closeGate, type Gate, guardExit, leave } from './gate.ts';

/** Another thread, from the side that sends it calls. */
export interface Thread {
  post(message: unknown, transfer: ArrayBuffer[]): void;
  /** Calls `reply` with each message, and `fail` if the thread ends or throws. */
  listen(reply: (message: unknown) => void, fail: (reason: unknown) => void): void;
  /** Sets whether the thread keeps the process alive. */
  hold(busy: boolean): void;
  end(): Promise<void>;
}

/** @param gate passed by the worker with each call */
export function nodeThread(worker: NodeWorker, gate: Gate): Thread {
  const release = guardExit(gate);
  worker.on('exit', () => {
    leave(gate);
    release();
  });
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    listen(reply, fail) {
      worker.on('message', reply);
      worker.on('messageerror', fail);
      worker.on('error', fail);
      worker.on('exit', code => fail(new Error(`The worker thread ended with code ${code}.`)));
    },
    hold: busy => (busy ? worker.ref() : worker.unref()),
    end: async () => {
      await closeGate(gate);
      await worker.terminate();
    },
  };
}

/** The part of a browser's `Worker` that is used. */
export interface WebWorker {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  addEventListener(type: 'message' | 'messageerror', listener: (event: { data: unknown }) => void): void;
  addEventListener(type: 'error', listener: (event: { message: string }) => void): void;
  terminate(): void;
}

export const webThread = (worker: WebWorker): Thread => ({
  post: (message, transfer) => worker.postMessage(message, transfer),
  listen(reply, fail) {
    worker.addEventListener('message', ({ data }) => reply(data));
    worker.addEventListener('messageerror', () => fail(new Error('A reply of the worker could not be read.')));
    worker.addEventListener('error', ({ message }) => {
      const what = message || 'The worker could not be loaded.';
      fail(new Error(`${what} It must be a module worker that imports @peft/compile/worker.`));
    });
  },
  hold: () => {}, // a page outlives its workers
  end: async () => worker.terminate(),
});
