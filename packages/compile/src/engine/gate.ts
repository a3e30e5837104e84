/**
 * State that a thread in native code shares with the thread that ends it: the number of current calls, and whether more may start.
 * Ending a thread inside native code aborts the process.
 */
export type Gate = Int32Array<SharedArrayBuffer>;

const [calls, isClosed] = [0, 1];

export const openGate = (): Gate => new Int32Array(new SharedArrayBuffer(8));

/** Refuses further calls. */
const close = (gate: Gate): void => void Atomics.store(gate, isClosed, 1);

/** Marks a thread as ended: no call is under way in it. */
export function leave(gate: Gate): void {
  close(gate);
  Atomics.store(gate, calls, 0);
}

/** Waits, without blocking this thread, for the current calls to end. */
export async function closeGate(gate: Gate): Promise<void> {
  close(gate);
  while (Atomics.load(gate, calls) > 0) await new Promise(resolve => setTimeout(resolve, 2));
}

/** Longer than any step takes, in ms. */
const longest = 60_000;

/** Blocks this thread until the current calls end. */
function closeGateAtOnce(gate: Gate): void {
  close(gate);
  const end = performance.now() + longest;
  for (let left = Atomics.load(gate, calls); left > 0; left = Atomics.load(gate, calls)) {
    if (Atomics.wait(gate, calls, left, end - performance.now()) === 'timed-out') return;
  }
}

const guarded = new Set<Gate>();
const onExit = (): void => guarded.forEach(closeGateAtOnce);

/** Makes the process wait for current calls before it exits: by `process.exit`, an uncaught error, or its end. */
export function guardExit(gate: Gate): () => void {
  if (guarded.size === 0) process.on('exit', onExit);
  guarded.add(gate);
  return () => {
    guarded.delete(gate);
    if (guarded.size === 0) process.off('exit', onExit);
  };
}
