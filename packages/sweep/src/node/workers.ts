import { type ChildProcess, spawn } from 'node:child_process';
import { PeftError } from '@peft/core';

export interface WorkersOptions {
  readonly count: number;
  /** The program of a worker, and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Called when a worker died, and another is started. */
  readonly notice?: (text: string) => void;
}

export interface KeptWorkers {
  /** Rejects if workers cannot work: several in a row died at their start. */
  readonly failed: Promise<never>;
  /** Tells the workers to stop, and waits until they have. */
  stop(): Promise<void>;
}

/** Workers that die sooner than this, in ms, were not able to start. */
const startTime = 10_000;
/** So many deaths at the start in a row mean that it cannot be done. */
const mostDeaths = 5;
/** What is kept of the last words of a worker. */
const lastWords = 2000;

/**
 * Keeps worker processes alive: starts another when one dies. A worker has an IPC channel to this process, which closes if this
 * process is killed; it is to end then.
 */
export function keepWorkers({ count, command, env, notice = () => {} }: WorkersOptions): KeptWorkers {
  const [program, ...args] = command;
  const children = new Set<ChildProcess>();
  let isStopping = false;
  let deaths = 0;
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {}); // whoever waits for it hears of it

  const start = (): void => {
    const started = performance.now();
    let words = '';
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env: { ...process.env, ...env } });
    children.add(child);
    child.stderr?.on('data', text => {
      words = (words + text).slice(-lastWords);
    });
    child.on('error', error => {
      words ||= error.message;
    });
    child.on('close', (code, signal) => {
      children.delete(child);
      if (isStopping || code === 0) return;
      deaths = performance.now() - started < startTime && signal === null ? deaths + 1 : 0;
      const end = signal ?? `status ${code}`;
      if (deaths >= mostDeaths) fail(new PeftError('state', `Workers end at their start (${end}): ${words.trim()}`));
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
      const ends = [...children].map(child => new Promise(resolve => child.once('close', resolve)));
      for (const child of children) child.kill('SIGTERM');
      await Promise.all(ends);
    },
  };
}
