import { PeftError } from '@peft/core';
import type { Start } from './helper.mjs';

/** A thread that is starting. */
interface Thread {
  /** `undefined` once it has started, else why it did not. */
  readonly answer: Promise<string | undefined>;
  end(): void;
}

function startWebThread(start: Start): Thread {
  const worker = new Worker(new URL('./helper.mjs', import.meta.url), { type: 'module' });
  const answer = new Promise<string | undefined>(resolve => {
    worker.addEventListener('message', ({ data }) => resolve(data), { once: true });
    worker.addEventListener('error', ({ message }) => resolve(message || 'its file could not be loaded.'));
  });
  worker.postMessage(start);
  return { answer, end: () => worker.terminate() };
}

/** A started thread does not keep the process alive. */
function startNodeThread({ Worker }: typeof import('node:worker_threads'), start: Start): Thread {
  const worker = new Worker(new URL('./helper.mjs', import.meta.url), { execArgv: [] });
  const answer = new Promise<string | undefined>(resolve => {
    worker.once('message', failure => {
      worker.unref();
      resolve(failure);
    });
    worker.once('error', error => resolve(error.message));
  });
  worker.postMessage(start);
  return { answer, end: () => void worker.terminate() };
}

/**
 * Starts a thread that computes parts of the work, and returns a function that ends it.
 *
 * @throws PeftError `state` if it does not start
 */
export async function startHelper(start: Start): Promise<() => void> {
  const node = globalThis.process?.getBuiltinModule?.('node:worker_threads');
  const { answer, end } = node ? startNodeThread(node, start) : startWebThread(start);
  const failure = await answer;
  if (failure === undefined) return end;
  end();
  throw new PeftError('state', `A thread for the wasm kernels did not start: ${failure}`);
}
