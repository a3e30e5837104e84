import { PeftError } from '@peft/core';
import type { Output } from './output/output.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs `body` with a signal that SIGINT, SIGTERM or SIGHUP aborts. A second one ends the process at once. */
export async function interruptible<T>(output: Output, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const onInterrupt = (): void => {
    if (abort.signal.aborted) process.exit(1);
    output.note('\nInterrupted: finishing the step and saving. Once more to stop at once.');
    abort.abort(new PeftError('state', 'Interrupted.'));
  };
  for (const signal of signals) process.on(signal, onInterrupt);
  try {
    return await body(abort.signal);
  } finally {
    for (const signal of signals) process.off(signal, onInterrupt);
  }
}
