import { join } from 'node:path';
import type { JsonObject } from '@peft/core';
import { lockFolder, writeAtomic } from '@peft/core/node';
import { parseResult, recordOf } from '@peft/run';
import type { Sweep } from '../definition.ts';
import { type Entries, failuresOf, type SweepEntry } from '../entry.ts';
import { type Plan, type PlannedRun, planOf } from '../plan.ts';
import { markdownTable, rowsOf, type TrialRow } from '../table.ts';
import { type Wish, wishOf } from './control.ts';
import { needsOf } from './needs.ts';
import type { Outcome, Queue, RunningJob } from './queue.ts';
import { openResults, type Results } from './results.ts';
import { jobOf, type Needs } from './run-job.ts';
import { checkDefinition, keepDefinition } from './sweep-file.ts';

/** How far a sweep is. */
export interface SweepProgress {
  readonly wish: Wish;
  /** Runs in all, if none fails. */
  readonly total: number;
  readonly finished: number;
  readonly failed: number;
  readonly waiting: number;
  readonly running: readonly (RunningJob & Pick<PlannedRun, 'trial' | 'seed'>)[];
  /** The trials so far, the best first. */
  readonly rows: readonly TrialRow[];
  /** The results so far, by the ids of their runs. */
  readonly entries: Entries;
  /** Why workers put runs back. */
  readonly putBack: readonly string[];
}

export interface SweepOptions {
  /** The folder of the results. */
  readonly folder: string;
  /** Opens the queue, once the folder is locked and what runs need is found. */
  openQueue(): Promise<Queue>;
  /** Ends the scheduler; the same call goes on later. */
  readonly signal: AbortSignal;
  /** Called about once a second, and with each result. */
  onProgress?(progress: SweepProgress): void;
  /** Called with each new result. */
  onResult?(entry: SweepEntry): void;
  /** Called with lines that say what goes on. */
  notice?(text: string): void;
}

export interface SweepResult {
  readonly rows: readonly TrialRow[];
  /** The results by the ids of their runs. */
  readonly entries: Entries;
  readonly failures: readonly SweepEntry[];
  /** Whether every run has a result; false if it was interrupted or cancelled. */
  readonly isDone: boolean;
}

/** The line of a result. */
function entryOf({ id, trial, seed, rung, settings }: PlannedRun, outcome: Outcome): SweepEntry {
  const common = { id, trial, seed, ...(rung !== undefined && { rung }), settings };
  if ('failure' in outcome) return { ...common, failure: outcome.failure };
  const { record, paused } = outcome.value as { record?: JsonObject; paused?: SweepEntry['paused'] };
  if (paused) return { ...common, paused };
  const checked = recordOf(record ?? {}, `The record of run ${id}`);
  parseResult(checked.result, `The record of run ${id}`);
  return { ...common, record: checked };
}

interface SchedulerParts {
  readonly sweep: Sweep;
  readonly options: SweepOptions;
  readonly results: Results;
  readonly queue: Queue;
  readonly plan: Plan;
  readonly needs: (run: PlannedRun) => Needs;
}

/** The scheduler: gives runs to a queue, and writes down what they come to. */
class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #asked = new Map<string, PlannedRun>();
  #wish: Wish = 'run';

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
  }

  /** Runs that are needed and have no result. */
  #due(): PlannedRun[] {
    const { entries } = this.#parts.results;
    const runs = this.#parts.plan.runs(entries);
    for (const run of runs) this.#asked.set(run.id, run);
    return runs.filter(({ id }) => !entries.has(id));
  }

  /** Writes outcomes down, then takes them from the queue. */
  async #collect(outcomes: readonly Outcome[]): Promise<void> {
    const fresh = outcomes.flatMap(outcome => {
      const run = this.#asked.get(outcome.id);
      return run && !this.#parts.results.entries.has(outcome.id) ? [entryOf(run, outcome)] : [];
    });
    await this.#parts.results.add(fresh);
    for (const entry of fresh) this.#parts.options.onResult?.(entry);
    await this.#parts.queue.take(outcomes.map(({ id }) => id));
  }

  async #obey(): Promise<void> {
    const wish = await wishOf(this.#parts.options.folder);
    if (wish === this.#wish) return;
    this.#wish = wish;
    if (wish === 'pause') await this.#parts.queue.pause();
    if (wish === 'run') await this.#parts.queue.resume();
    if (wish === 'cancel') await this.#parts.queue.cancel();
  }

  async #tell(): Promise<void> {
    const { onProgress } = this.#parts.options;
    if (!onProgress) return;
    const { waiting, running, putBack } = await this.#parts.queue.state();
    const { plan, results, sweep } = this.#parts;
    const entries = plan.needed(results.entries);
    onProgress({
      wish: this.#wish,
      total: plan.total,
      finished: entries.size,
      failed: failuresOf(entries).length,
      waiting,
      running: running.flatMap(job => {
        const run = this.#asked.get(job.id);
        return run ? [{ ...job, trial: run.trial, seed: run.seed }] : [];
      }),
      rows: rowsOf(entries, sweep),
      entries,
      putBack,
    });
  }

  /** Schedules until every run has a result, the signal aborts, or the sweep is cancelled and no run is under way. */
  async run(): Promise<boolean> {
    const { signal } = this.#parts.options;
    await this.#parts.queue.resume();
    for (;;) {
      await this.#obey();
      const due = this.#due();
      if (due.length === 0) return true;
      if (signal.aborted) return false;
      if (this.#wish !== 'cancel') await this.#parts.queue.add(due.map(run => jobOf(run, this.#parts.needs(run))));
      else if ((await this.#parts.queue.state()).running.length === 0) return false;
      const outcomes = await this.#parts.queue.outcomes(signal);
      if (outcomes.length > 0) await this.#collect(outcomes);
      await this.#tell();
    }
  }
}

/** Writes the table as Markdown and as JSON. */
async function writeTables(folder: string, rows: readonly TrialRow[], sweep: Sweep): Promise<void> {
  await writeAtomic(join(folder, 'table.md'), `${markdownTable(rows, sweep)}\n`);
  const { metric, seeds } = sweep;
  await writeAtomic(join(folder, 'table.json'), `${JSON.stringify({ metric, seeds, rows }, null, 2)}\n`);
}

/**
 * Runs a sweep: gives its runs to a queue, whose workers do them, and writes `results.jsonl`, `table.md` and `table.json`. Called again
 * on the same folder it goes on. The finished results depend on the sweep alone: not on which worker was faster, nor on what was killed.
 *
 * @throws PeftError `state` if the folder holds another sweep or another scheduler is at it; `missing` and others for data and weights
 *   that cannot be opened
 */
export async function runSweep(sweep: Sweep, options: SweepOptions): Promise<SweepResult> {
  const { folder, notice = () => {} } = options;
  const plan = planOf(sweep); // what is wrong with a trial shows before anything is written
  const lock = await lockFolder(folder);
  try {
    await checkDefinition(folder, sweep);
    const needs = await needsOf(plan.runs(new Map()), notice);
    await keepDefinition(folder, sweep);
    const results = await openResults(folder);
    let isDone = false;
    try {
      const queue = await options.openQueue();
      try {
        const scheduler = new Scheduler({ sweep, options, results, queue, plan, needs });
        isDone = await scheduler.run();
      } finally {
        await queue.close();
      }
    } finally {
      await results.close(
        plan.runs(results.entries).map(({ id }) => id),
        { alone: isDone },
      );
    }
    const entries = plan.needed(results.entries);
    const rows = rowsOf(entries, sweep);
    await writeTables(folder, rows, sweep);
    return { rows, entries, failures: failuresOf(entries), isDone };
  } finally {
    await lock.release();
  }
}
