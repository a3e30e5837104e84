import { readFile } from 'node:fs/promises';
import { writeAtomic } from '@peft/core/node';
import { parseEntry, type VtabEntry } from '../entry.ts';

/** Whether two entries are of the same run. */
const isSameRun = (one: VtabEntry, other: VtabEntry): boolean =>
  one.task === other.task && one.method === other.method && one.seed === other.seed && one.protocol === other.protocol;

/**
 * Reads a results file: one JSON object a line, one line a run. A file that is not there is empty.
 *
 * @throws PeftError `bad-file` that names the line
 */
export async function readResults(path: string): Promise<VtabEntry[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text
    .split('\n')
    .map((line, i) => [line, `${path}, line ${i + 1}`] as const)
    .filter(([line]) => line.trim() !== '')
    .map(([line, source]) => parseEntry(line, source));
}

/** Adds a run to a results file, in the place of an earlier result of the same run. The file changes as a whole or not at all. */
export async function addResult(path: string, entry: VtabEntry): Promise<void> {
  const others = (await readResults(path)).filter(other => !isSameRun(other, entry));
  await writeAtomic(path, `${[...others, entry].map(line => JSON.stringify(line)).join('\n')}\n`);
}
