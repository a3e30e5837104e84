import type { Output } from '../output/output.ts';

/** Runs `body` with a signal that Ctrl-C aborts; a second Ctrl-C ends the process at once. */
export async function interruptible<T>(output: Output, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const onInterrupt = (): void => {
    if (abort.signal.aborted) process.exit(1);
    output.note('\nInterrupted: finishing the step and saving. Once more to stop at once.');
    abort.abort();
  };
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onInterrupt);
  try {
    return await body(abort.signal);
  } finally {
    process.off('SIGINT', onInterrupt);
    process.off('SIGTERM', onInterrupt);
  }
}
