/**
 * What a thread that runs native code shares with the one that ends it: how many calls are under way, and whether more may
 * start. Ending a thread inside native code aborts the process.
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

/** Waits, without blocking this thread, until nothing is under way. */
export async function closeGate(gate: Gate): Promise<void> {
  close(gate);
  while (Atomics.load(gate, calls) > 0) await new Promise(resolve => setTimeout(resolve, 2));
}

/** More than any step takes. */
const longest = 60_000;

/** Blocks this thread until nothing is under way. */
function closeGateAtOnce(gate: Gate): void {
  close(gate);
  const end = performance.now() + longest;
  for (let left = Atomics.load(gate, calls); left > 0; left = Atomics.load(gate, calls)) {
    if (Atomics.wait(gate, calls, left, end - performance.now()) === 'timed-out') return;
  }
}

const guarded = new Set<Gate>();
const onExit = (): void => guarded.forEach(closeGateAtOnce);

/** Makes the process wait for what is under way whenever it exits: `process.exit`, an uncaught error, its end. */
export function guardExit(gate: Gate): () => void {
  if (guarded.size === 0) process.on('exit', onExit);
  guarded.add(gate);
  return () => {
    guarded.delete(gate);
    if (guarded.size === 0) process.off('exit', onExit);
  };
}
