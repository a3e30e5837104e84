/**
 * Turns a task that reports events by a callback into a generator of those events, which returns the task's result. Leaving the
 * generator early aborts the task's signal.
 */
export async function* emitting<Event, T>(
  task: (emit: (event: Event) => void, signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): AsyncGenerator<Event, T> {
  const waiting: Event[] = [];
  const left = new AbortController();
  const signal = outer ? AbortSignal.any([outer, left.signal]) : left.signal;
  let wake = (): void => {};
  let isOver = false;
  const emit = (event: Event): void => {
    waiting.push(event);
    wake();
  };
  const result = task(emit, signal).finally(() => {
    isOver = true;
    wake();
  });
  result.catch(() => {}); // thrown below, where it is awaited
  try {
    for (;;) {
      while (waiting.length > 0) yield waiting.shift() as Event;
      if (isOver) return await result;
      await new Promise<void>(resolve => {
        wake = resolve;
        if (isOver || waiting.length > 0) resolve();
      });
    }
  } finally {
    left.abort();
    await result.catch(() => {});
  }
}
