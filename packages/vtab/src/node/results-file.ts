import { readFile } from 'node:fs/promises';
import { writeAtomic } from '@peft/core/node';

/** What the lines of a results file are. */
export interface EntryKind<Entry> {
  /**
   * Reads a line.
   *
   * @param source the file and the line, for errors
   */
  parse(line: string, source: string): Entry;
  /** Whether two entries are of the same run. */
  isSameRun(one: Entry, other: Entry): boolean;
}

/**
 * Reads a results file: one JSON object a line, one line a run. A file that is not there is empty.
 *
 * @throws PeftError `bad-file` that names the line
 */
export async function readResults<Entry>(path: string, { parse }: EntryKind<Entry>): Promise<Entry[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text
    .split('\n')
    .map((line, i) => [line, `${path}, line ${i + 1}`] as const)
    .filter(([line]) => line.trim() !== '')
    .map(([line, source]) => parse(line, source));
}

/** Adds a run to a results file, in the place of an earlier result of the same run. The file changes as a whole or not at all. */
export async function addResult<Entry>(path: string, entry: Entry, kind: EntryKind<Entry>): Promise<void> {
  const others = (await readResults(path, kind)).filter(other => !kind.isSameRun(other, entry));
  await writeAtomic(path, `${[...others, entry].map(line => JSON.stringify(line)).join('\n')}\n`);
}
