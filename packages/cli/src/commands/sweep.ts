import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { PeftError } from '@peft/core';
import { writeAtomic } from '@peft/core/node';
import { type Sweep, type SweepEntry, scoreText, tableOf } from '@peft/sweep';
import {
  type KeptWorkers,
  keepWorkers,
  openEmbeddedQueue,
  type Queue,
  readSweep,
  runSweep,
  type SweepProgress,
  type SweepResult,
  setWish,
  sweepIn,
  type WorkersOptions,
} from '@peft/sweep/node';
import { type Arguments, flagOf, UsageError } from '../arguments.ts';
import { type Board, queuePath, serveBoard } from '../board.ts';
import { interruptible } from '../interrupt.ts';
import type { Output } from '../output/output.ts';
import { renderSweep } from '../output/sweep-report.ts';
import { table } from '../output/table.ts';
import { importDashboard, importRedis, queueOf, queueVariable } from '../redis-queue.ts';

/** The workers of this machine: this program, with what is asked of the engine. */
function workersOf(args: Arguments, folder: string, url: string | undefined): Omit<WorkersOptions, 'notice'> {
  const { workers: count = Math.max(1, Math.floor(availableParallelism() / 2)), engine, provider } = args;
  const { threads = Math.max(1, Math.floor(availableParallelism() / Math.max(1, count))) } = args;
  const asked = Object.entries({ engine, provider, threads }).flatMap(([name, given]) => [flagOf(name), String(given)]);
  const place = url === undefined ? [folder] : ['--out', join(folder, 'runs')];
  return {
    count,
    command: [process.execPath, process.argv[1] ?? 'peft', 'worker', ...place, ...asked],
    env: url === undefined ? {} : { [queueVariable]: url },
  };
}

/** The queue of a sweep: in its folder, or on Redis. */
async function openQueue(
  folder: string,
  url: string | undefined,
  options: { owner: string; notice(text: string): void; signal: AbortSignal },
): Promise<Queue> {
  if (url === undefined) return openEmbeddedQueue(join(folder, 'queue'));
  const { openRedisQueue } = await importRedis();
  return openRedisQueue(url, options);
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

/** The page of a sweep that runs, and with a queue on Redis BullMQ's dashboard below it. */
async function openBoard(port: number, url: string | undefined, page: (more: string) => string): Promise<Board> {
  const dashboard = url === undefined ? undefined : await (await importDashboard()).openDashboard(url, queuePath);
  const link = dashboard ? `<p><a href="${queuePath}/">The queue, in BullMQ's dashboard</a></p>` : '';
  const served = await serveBoard({ port, page: () => page(link), queue: dashboard?.handler });
  return {
    ...served,
    async close() {
      await served.close();
      await dashboard?.close();
    },
  };
}

/** Runs a sweep. Its workers of this machine are started once it has been checked. */
async function runHere(
  args: Arguments,
  file: string,
  { folder, signal }: { folder: string; signal: AbortSignal },
  output: Output,
): Promise<SweepResult> {
  const sweep = await readSweep(file);
  const url = queueOf(args.queue);
  const notice = (text: string): void => output.note(text);
  const broken = new AbortController();
  const stop = AbortSignal.any([signal, broken.signal]);
  let state: Parameters<typeof renderSweep>[0] = { rows: [], entries: new Map() };
  let bar: ReturnType<Output['progress']> | undefined;
  let workers: KeptWorkers | undefined;
  const board =
    args.board === undefined ? undefined : await openBoard(args.board, url, more => renderSweep(state, sweep, more));
  try {
    if (board) notice(`The sweep is shown at ${board.url}`);
    const result = await runSweep(sweep, {
      folder,
      notice,
      signal: stop,
      async openQueue() {
        await setWish(folder, 'run'); // an earlier wish was for an earlier call
        const queue = await openQueue(folder, url, { owner: sweep.id, notice, signal: stop });
        workers = keepWorkers({ ...workersOf(args, folder, url), notice });
        workers.failed.catch(error => broken.abort(error));
        return queue;
      },
      onProgress(progress) {
        state = progress;
        bar ??= output.progress('runs', progress.total);
        bar.at(progress.finished, progressLine(progress, sweep));
      },
      onResult(entry) {
        if (entry.failure) output.note(failureLine(entry));
      },
    });
    if (broken.signal.aborted) throw broken.signal.reason;
    if (result.isDone) bar?.end();
    await writeAtomic(join(folder, 'report.html'), renderSweep(result, sweep));
    const shown = tableOf(result.rows, sweep);
    const { rows, failures, isDone } = result;
    output.answer(
      `${table(shown.head, shown.rows)}\n\nwritten to ${folder}: results.jsonl, table.md, table.json, report.html`,
      { rows, failures, isDone, folder },
    );
    return result;
  } finally {
    await workers?.stop();
    await board?.close();
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
