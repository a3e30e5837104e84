import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { check, PeftError } from '../errors.ts';
import { sha256Of } from '../files/hashes.ts';
import { checkReplaceable } from './atomic.ts';
import { makeFolder, removeEmpty, sweepTemporary, syncFolder, temporaryName, writeDurably } from './durable.ts';
import { exclusively } from './folder-lock.ts';

/** The name that ties staged files to their index: the start of its SHA-256. */
export const saveIdOf = (index: Uint8Array | string): string =>
  sha256Of(typeof index === 'string' ? new TextEncoder().encode(index) : index).slice(0, 16);

/** The temporary path of a file of a save. */
export const stagedName = (path: string, saveId: string): string =>
  join(dirname(path), `.${basename(path)}.${saveId}.tmp`);

const staged = /^\.(.+)\.([0-9a-f]{16})\.tmp$/;

/** Removes temporary files of other saves. */
async function sweepStaged(writes: readonly Write[], saveId: string | undefined): Promise<void> {
  const names = new Set(writes.map(({ path }) => basename(path)));
  for (const folder of foldersOf(writes)) {
    for (const name of await readdir(folder)) {
      const [, base = '', id] = staged.exec(name) ?? [];
      if (names.has(base) && id !== saveId) await rm(join(folder, name), { force: true });
    }
  }
}

interface Write {
  readonly path: string;
  readonly temporary: string;
  readonly content: Uint8Array | string;
}

/** The files of a save in the order of writing: the index first. */
interface Save {
  readonly saveId: string | undefined;
  readonly first: readonly Write[];
  readonly rest: readonly Write[];
}

function plan(folder: string, files: Record<string, Uint8Array | string>, index: string | undefined): Save {
  const recorded = index === undefined ? undefined : files[index];
  check(index === undefined || recorded, 'bad-argument', () => `The index ${index} is not among the files to write.`);
  const saveId = recorded && saveIdOf(recorded);
  const writes = Object.entries(files).map(([name, content]): Write & { name: string } => {
    const path = join(folder, name);
    return { name, path, temporary: saveId ? stagedName(path, saveId) : temporaryName(path), content };
  });
  return {
    saveId,
    first: writes.filter(({ name }) => name === index),
    rest: writes.filter(({ name }) => name !== index),
  };
}

const foldersOf = (writes: readonly Write[]): string[] => [...new Set(writes.map(({ path }) => dirname(path)))];

/** Renames in order, and adds each path that was replaced to `replaced`. */
async function renameAll(writes: readonly Write[], replaced: string[]): Promise<void> {
  for (const { temporary, path } of writes) {
    await rename(temporary, path);
    replaced.push(path);
  }
  for (const folder of foldersOf(writes)) await syncFolder(folder);
}

/** Writes every file under its temporary name, and records what was made and replaced, for the error message. */
async function perform(save: Save, oldId: string | undefined, made: string[], replaced: string[]): Promise<void> {
  const { saveId, first, rest } = save;
  const writes = [...first, ...rest];
  for (const { path } of writes) {
    made.unshift(...(await makeFolder(dirname(path))));
    await checkReplaceable(path);
  }
  await sweepStaged(writes, oldId);
  for (const folder of foldersOf(writes)) await sweepTemporary(folder);
  try {
    for (const { temporary, content } of writes) await writeDurably(temporary, content);
    for (const folder of foldersOf(writes)) await syncFolder(folder);
    await renameAll(first, replaced);
    await renameAll(rest, replaced);
  } catch (error) {
    // Once the index is in place, the staged files belong to the folder's state.
    const isCommitted = saveId !== undefined && replaced.length > 0;
    for (const { temporary } of isCommitted ? [] : writes) await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await sweepStaged(writes, saveId);
}

/**
 * Writes several files of one folder, by relative path, and leaves all others alone. All are written under temporary names
 * first, so that a full disk leaves the folder as it was. One writer at a time: others wait.
 *
 * @param index the file that records the hashes of the others. It is renamed first, and the temporary names of the others
 *   follow from it: from then on a reader finds each in its place or under that name, even if the writer was killed. So the
 *   folder changes as one.
 * @throws PeftError `write-failed`, which says what is there now; `state` if another process holds the folder;
 *   `bad-argument` for an index that is not among the files
 */
export async function writeFolderAtomic(
  folder: string,
  files: Record<string, Uint8Array | string>,
  index?: string,
): Promise<void> {
  const save = plan(folder, files, index);
  const made: string[] = [];
  const replaced: string[] = [];
  try {
    made.push(...(await makeFolder(folder)));
    await exclusively(folder, async () => {
      const old = index && (await readFile(join(folder, index)).catch(() => undefined));
      await perform(save, old && saveIdOf(old), made, replaced);
    });
  } catch (cause) {
    await removeEmpty(made);
    if (cause instanceof PeftError && cause.code === 'state') throw cause;
    const state = describe(replaced, index);
    throw new PeftError('write-failed', `Could not write ${folder}: ${(cause as Error).message}. ${state}`, { cause });
  }
}

/** Describes what a failed save left in the folder. */
function describe(replaced: readonly string[], index: string | undefined): string {
  if (replaced.length === 0) return 'What was there is as it was.';
  if (index === undefined) return `Replaced before that: ${replaced.join(', ')}. Write again.`;
  return 'The new state is there and loads here; other programs may find old files in it until you save again.';
}
