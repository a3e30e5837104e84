import { join } from 'node:path';
import { type Journal, openJournal, writeAtomic } from '@peft/core/node';
import { type Entries, parseEntry, type SweepEntry } from '../entry.ts';

/** The results of a sweep: `results.jsonl`, one line a run. */
export interface Results {
  readonly entries: Entries;
  /** Writes results down. One that is there already stays as it is. */
  add(entries: readonly SweepEntry[]): Promise<void>;
  /** Closes the file, with the lines in the order of these ids; `alone` drops all others. */
  close(order: readonly string[], options: { readonly alone: boolean }): Promise<void>;
}

/**
 * Opens the results of a folder. Failures that another attempt may mend are forgotten, so that their runs are done again.
 *
 * @throws PeftError `bad-file` that names the line
 */
export async function openResults(folder: string): Promise<Results> {
  const path = join(folder, 'results.jsonl');
  const journal: Journal = await openJournal(path);
  const entries = new Map<string, SweepEntry>();
  for (const [i, line] of journal.lines.entries()) {
    const entry = parseEntry(line, `${path}, line ${i + 1}`);
    if (entry.failure?.final === false) entries.delete(entry.id);
    else entries.set(entry.id, entry);
  }
  return {
    entries,
    async add(added) {
      const fresh = added.filter(({ id }) => !entries.has(id));
      if (fresh.length === 0) return;
      await journal.append(fresh.map(entry => JSON.stringify(entry)));
      for (const entry of fresh) entries.set(entry.id, entry);
    },
    async close(order, { alone }) {
      await journal.close();
      const ids = new Set([...order, ...(alone ? [] : entries.keys())]);
      const lines = [...ids].flatMap(id => entries.get(id) ?? []).map(entry => `${JSON.stringify(entry)}\n`);
      await writeAtomic(path, lines.join(''));
    },
  };
}
