import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const poll = 100; // ms

export interface LockTimes {
  /** How often a holder touches its lock, in ms. */
  readonly beat: number;
  /** How long a lock may stay untouched before its holder counts as dead, in ms. */
  readonly silence: number;
}

const lockTimes: LockTimes = { beat: 2000, silence: 10_000 };

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

const me = `${process.pid} ${hostname()}`;

async function take(path: string): Promise<boolean> {
  try {
    await writeFile(path, me, { flag: 'wx' });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Whether the holder is a process of this machine that has ended. */
async function hasDied(path: string): Promise<boolean> {
  const [, pid, host] = /^(\d+) (.+)$/.exec(await readFile(path, 'utf8').catch(() => '')) ?? [];
  if (host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return hasCode(error, 'ESRCH');
  }
}

/**
 * Waits until the lock is ours. A holder on another machine lives as long as its lock's time changes; only our own clock
 * measures how long it has not, since the clocks of machines differ.
 */
async function acquire(path: string, silence: number): Promise<void> {
  let seen: number | undefined;
  let since = 0;
  while (!(await take(path))) {
    const changed = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
    if (changed !== seen) [seen, since] = [changed, performance.now()];
    if (performance.now() - since > silence || (await hasDied(path))) await rm(path, { force: true });
    else await sleep(poll);
  }
}

/**
 * Runs `work` while no other task does, of this process or another. Takes over the lock of a holder that has died. Two tasks
 * may take it over at the same moment and both run, so a lock may save work, but no result may depend on it.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, { beat, silence } = lockTimes): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  await acquire(path, silence);
  const heart = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, beat);
  heart.unref();
  try {
    return await work();
  } finally {
    clearInterval(heart);
    await rm(path, { force: true });
  }
}
