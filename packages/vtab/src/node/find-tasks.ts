import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { check, closestOf, PeftError } from '@peft/core';
import { inOrder } from '../averages.ts';
import { type Task, taskOf, tasks } from '../tasks.ts';
import { isThere } from './is-there.ts';

/** The tasks that a folder of VTAB-1K has, and those that it lacks. */
export interface FoundTasks {
  readonly found: readonly FoundTask[];
  readonly missing: readonly string[];
}

export interface FoundTask {
  readonly name: string;
  readonly folder: string;
  /** Undefined for a folder in the layout of VTAB-1K that is none of its 19 tasks. */
  readonly task: Task | undefined;
}

/** Whether a folder has the lists of a VTAB-1K task. */
const isTask = async (folder: string): Promise<boolean> =>
  (await isThere(join(folder, 'train800val200.txt'))) && (await isThere(join(folder, 'test.txt')));

/** The folders below `root` with the lists of a task, in the order of their names. */
async function foldersIn(root: string): Promise<string[]> {
  const entries = await readdir(root).catch((cause: unknown) => {
    throw new PeftError('missing', `Cannot read the folder ${root}: ${(cause as Error).message}`, { cause });
  });
  const areTasks = await Promise.all(entries.map(name => isTask(join(root, name))));
  return entries.filter((_, i) => areTasks[i]).sort();
}

/**
 * Finds tasks below a folder: those that are named, or all that are there. A folder that is none of the 19 counts as a task if it
 * has their lists; averages of VTAB-1K leave it out.
 *
 * @throws PeftError `missing` for a named task that is not there, or if there is none
 */
export async function findTasks(root: string, named?: readonly string[]): Promise<FoundTasks> {
  const known = tasks.map(({ name }) => name);
  const wanted = named ?? inOrder([...known, ...(await foldersIn(root))]);
  const found: FoundTask[] = [];
  for (const name of wanted) {
    const folder = join(root, name);
    if (await isTask(folder)) found.push({ name, folder, task: taskOf(name) });
  }
  const missing = wanted.filter(name => !found.some(task => task.name === name));
  check(named === undefined || missing.length === 0, 'missing', () => {
    const hint = missing.map(name => `${name} (closest: ${closestOf(name, known, 1)[0] ?? 'none'})`).join(', ');
    return `${root} has no task ${hint}. A task is a folder with train800val200.txt and test.txt.`;
  });
  check(found.length > 0, 'missing', () => {
    return `${root} has none of the 19 tasks of VTAB-1K: ${known.join(', ')}. Each is a folder with train800val200.txt and test.txt.`;
  });
  return { found, missing };
}
