import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';

/**
 * The start of a process in clock ticks since boot, which tells apart processes that reuse a pid. 0 on systems without
 * `/proc`; undefined if the process does not exist or is a zombie.
 */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined; // EPERM: it lives, under another user
  }
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return '0';
  }
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? undefined : fields[18];
}

const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

/** Identifies this thread in file names: process, thread, start of the process, machine. */
export const processTag = `${process.pid}-${threadId}-${startOf(process.pid) ?? 0}-${host}`;

/** A regular expression's source that matches a {@link processTag}. */
export const tagPattern = String.raw`\d+-\d+-\d+-[0-9a-f]{8}`;

/** Whether the thread of a tag is alive; `elsewhere` if it is on another machine. */
export function stateOf(tag: string): { pid: number; state: 'alive' | 'dead' | 'elsewhere' } {
  const [number, , start, machine] = tag.split('-');
  const pid = Number(number);
  if (machine !== host) return { pid, state: 'elsewhere' };
  return { pid, state: startOf(pid) === start ? 'alive' : 'dead' };
}
