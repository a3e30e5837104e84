import { join } from 'node:path';
import { PeftError } from '@peft/core';
import { type Journal, openJournal, readIfThere, writeAtomic } from '@peft/core/node';
import type { Job, Outcome } from '../queue.ts';

/** A line of the journal. */
type Line =
  | { readonly add: Job }
  | { readonly end: Outcome }
  /** The jobs that are forgotten: their outcomes were taken, or they were cancelled. */
  | { readonly drop: readonly string[] };

/** The jobs of a queue as they are on the disk. */
export interface StoredJobs {
  readonly jobs: ReadonlyMap<string, Job>;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Each returns when the line is on the disk. */
  add(jobs: readonly Job[]): Promise<void>;
  end(outcome: Outcome): Promise<void>;
  drop(ids: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** The state after some lines. */
function replay(lines: readonly string[], source: string) {
  const jobs = new Map<string, Job>();
  const outcomes = new Map<string, Outcome>();
  for (const [i, text] of lines.entries()) {
    let line: Line;
    try {
      line = JSON.parse(text) as Line;
    } catch (cause) {
      throw new PeftError('bad-file', `${source}, line ${i + 1} is damaged: ${(cause as Error).message}`, { cause });
    }
    if ('add' in line) jobs.set(line.add.id, line.add);
    else if ('end' in line) outcomes.set(line.end.id, line.end);
    else
      for (const id of line.drop) {
        jobs.delete(id);
        outcomes.delete(id);
      }
  }
  return { jobs, outcomes };
}

/** Reads the journal of a queue, and writes it anew without what is over, so that it does not grow for ever. */
async function compact(path: string): Promise<void> {
  const before = await openJournal(path);
  await before.close();
  const { jobs, outcomes } = replay(before.lines, path);
  const lines: Line[] = [...[...jobs.values()].map(add => ({ add })), ...[...outcomes.values()].map(end => ({ end }))];
  if (lines.length < before.lines.length)
    await writeAtomic(path, lines.map(line => `${JSON.stringify(line)}\n`).join(''));
}

/**
 * Opens the jobs of a folder, with a journal that survives a kill at any moment.
 *
 * @throws PeftError `bad-file` for a damaged line other than the last
 */
export async function openJobs(folder: string): Promise<StoredJobs> {
  const path = join(folder, 'journal.jsonl');
  if (await readIfThere(path)) await compact(path);
  const journal: Journal = await openJournal(path);
  const { jobs, outcomes } = replay(journal.lines, path);
  const write = (lines: readonly Line[]): Promise<void> => journal.append(lines.map(line => JSON.stringify(line)));
  return {
    jobs,
    outcomes,
    async add(added) {
      for (const job of added) jobs.set(job.id, job);
      await write(added.map(add => ({ add })));
    },
    async end(outcome) {
      await write([{ end: outcome }]);
      outcomes.set(outcome.id, outcome);
    },
    async drop(ids) {
      for (const id of ids) {
        jobs.delete(id);
        outcomes.delete(id);
      }
      await write([{ drop: ids }]);
    },
    close: () => journal.close(),
  };
}
