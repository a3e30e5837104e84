import { type ChildProcess, spawn } from 'node:child_process';
import { PeftError } from '@peft/core';

export interface WorkersOptions {
  readonly count: number;
  /** The program of a worker, and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Called when a worker ended, and another is started. */
  readonly notice?: (text: string) => void;
}

export interface KeptWorkers {
  /** Rejects if workers cannot work: several in a row ended before they said `ready`. */
  readonly failed: Promise<never>;
  /** Tells the workers to stop, and waits until they have. */
  stop(): Promise<void>;
}

/** What a worker sends to the process that started it, once it can work. */
export const ready = 'ready';
/** So many ends before that, in a row, mean that it cannot be done. */
const mostEnds = 5;
/** What is kept of the last words of a worker. */
const lastWords = 2000;
/**
 * glibc keeps what is freed in an arena of each thread. A worker opens an engine, with its thread, for every run: with several arenas
 * its resident memory creeps up, with one it stays as it is.
 */
const oneArena = { MALLOC_ARENA_MAX: '1' };

/**
 * Keeps worker processes alive: starts another when one ends, unless its status is 0, which says that there is no more work. A worker
 * has an IPC channel to this process: it sends `ready` there, and it ends when the channel closes, as it does if this process is
 * killed. Workers are in process groups of their own, so that Ctrl-C in a terminal reaches this process alone, which tells them once.
 */
export function keepWorkers({ count, command, env, notice = () => {} }: WorkersOptions): KeptWorkers {
  const [program, ...args] = command;
  const children = new Set<ChildProcess>();
  let isStopping = false;
  let ends = 0;
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {}); // whoever waits for it hears of it

  const start = (): void => {
    let words = '';
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...oneArena, ...process.env, ...env },
      detached: true,
      windowsHide: true,
    });
    children.add(child);
    child.on('message', message => {
      if (message === ready) ends = 0;
    });
    child.stderr?.on('data', text => {
      words = (words + text).slice(-lastWords);
    });
    child.on('error', error => {
      words ||= error.message;
    });
    child.on('close', (code, signal) => {
      children.delete(child);
      if (isStopping || code === 0) return;
      ends++;
      const end = signal ?? `status ${code}`;
      if (ends >= mostEnds) fail(new PeftError('state', `Workers end at their start (${end}): ${words.trim()}`));
      else {
        notice(`A worker ended (${end}); another is started. ${words.trim()}`.trim());
        start();
      }
    });
  };
  for (let i = 0; i < count; i++) start();
  return {
    failed,
    async stop() {
      isStopping = true;
      const closed = [...children].map(child => new Promise(resolve => child.once('close', resolve)));
      for (const child of children) child.kill('SIGTERM');
      await Promise.all(closed);
    },
  };
}
