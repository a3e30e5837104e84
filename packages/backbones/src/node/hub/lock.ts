import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const poll = 100; // ms
const beat = 2000; // ms; how often a holder shows that it lives
const silence = 10_000; // ms; after which it does not

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

/** Waits until the lock is ours. Whether a holder elsewhere lives is judged by our clock alone: clocks of machines differ. */
async function acquire(path: string): Promise<void> {
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
 * Does work that one task at a time may do, of this process and of others. A lock whose holder has died is taken over. Two
 * who take it over at the same moment may both go on: the lock saves work, and no result may depend on it.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  await acquire(path);
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
