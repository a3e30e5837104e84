import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { PeftError } from '@peft/core';
import { type Sweep, type SweepEntry, scoreText, tableOf } from '@peft/sweep';
import {
  type KeptWorkers,
  keepWorkers,
  openEmbeddedQueue,
  readSweep,
  runSweep,
  type SweepProgress,
  type SweepResult,
  setWish,
  sweepIn,
} from '@peft/sweep/node';
import { type Arguments, flagOf, UsageError } from '../arguments.ts';
import { interruptible } from '../interrupt.ts';
import type { Output } from '../output/output.ts';
import { table } from '../output/table.ts';

/** The command of a worker: this program, with what is asked of the engine. */
function workerCommand(args: Arguments, folder: string, workers: number): [string, ...string[]] {
  const { engine, provider, threads = Math.max(1, Math.floor(availableParallelism() / workers)) } = args;
  const asked = Object.entries({ engine, provider, threads }).flatMap(([name, given]) => [flagOf(name), String(given)]);
  return [process.execPath, process.argv[1] ?? 'peft', 'worker', folder, ...asked];
}

function progressLine(
  { running, failed, wish, rows: [best], putBack: [reason] }: SweepProgress,
  { metric }: Sweep,
): string {
  const score = best?.mean;
  return [
    wish === 'run' ? `${running.length} running` : wish === 'pause' ? 'paused' : 'cancelled',
    failed > 0 && `${failed} failed`,
    best && score !== undefined && `best so far: trial ${best.trial}, ${metric} ${scoreText(metric, score)}`,
    reason && `put back: ${reason}`,
  ]
    .filter(Boolean)
    .join(', ');
}

const failureLine = ({ trial, seed, failure }: SweepEntry): string =>
  `Trial ${trial}, seed ${seed} failed: ${failure?.message}`;

/** Runs a sweep with workers of this machine. They are started once the sweep has been checked. */
async function runHere(
  args: Arguments,
  file: string,
  { folder, signal }: { folder: string; signal: AbortSignal },
  output: Output,
): Promise<SweepResult> {
  const sweep = await readSweep(file);
  const count = args.workers ?? Math.max(1, Math.floor(availableParallelism() / 2));
  const notice = (text: string): void => output.note(text);
  const broken = new AbortController();
  let bar: ReturnType<Output['progress']> | undefined;
  let workers: KeptWorkers | undefined;
  try {
    const result = await runSweep(sweep, {
      folder,
      notice,
      signal: AbortSignal.any([signal, broken.signal]),
      async openQueue() {
        await setWish(folder, 'run'); // an earlier wish was for an earlier call
        const queue = await openEmbeddedQueue(join(folder, 'queue'));
        workers = keepWorkers({ count, command: workerCommand(args, folder, count), notice });
        workers.failed.catch(error => broken.abort(error));
        return queue;
      },
      onProgress(progress) {
        bar ??= output.progress('runs', progress.total);
        bar.at(progress.finished, progressLine(progress, sweep));
      },
      onResult(entry) {
        if (entry.failure) output.note(failureLine(entry));
      },
    });
    if (broken.signal.aborted) throw broken.signal.reason;
    if (result.isDone) bar?.end();
    const shown = tableOf(result.rows, sweep);
    output.answer(`${table(shown.head, shown.rows)}\n\nwritten to ${folder}: results.jsonl, table.md, table.json`, {
      ...result,
      folder,
    });
    return result;
  } finally {
    await workers?.stop();
  }
}

/**
 * Runs a sweep file: trains each trial with each seed in worker processes, and ranks them. Called again on the same folder it goes on.
 * With `--wish` it tells the sweep of a folder to pause, to run on, or to end.
 */
export async function sweep(args: Arguments, path: string | undefined, output: Output): Promise<void> {
  if (path === undefined) throw new UsageError('Give the sweep file: peft sweep FILE.');
  if (args.wish !== undefined) {
    await sweepIn(path);
    await setWish(path, args.wish);
    output.answer(`The sweep in ${path} is told to ${args.wish}.`, { folder: path, wish: args.wish });
    return;
  }
  const folder = args.out ?? 'sweep';
  await interruptible(output, async signal => {
    const { isDone, rows } = await runHere(args, path, { folder, signal }, output);
    if (!isDone && signal.aborted)
      throw new PeftError(
        'state',
        `Interrupted; what is done is in ${folder}. The same command goes on with the rest.`,
      );
    if (isDone && rows.every(({ runs }) => runs === 0))
      throw new PeftError('state', `Every run failed; ${join(folder, 'results.jsonl')} says why.`);
  });
}
