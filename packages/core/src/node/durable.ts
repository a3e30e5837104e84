import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { processTag, stateOf, tagPattern } from './process-tag.ts';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Writes a new file and waits until its content is on the disk. */
export async function writeDurably(path: string, content: Uint8Array | string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Flushes a folder's entries to disk, so that a rename survives a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const opened = await open(folder, 'r');
  try {
    await opened.sync();
  } catch (error) {
    if (codeOf(error) !== 'EINVAL') throw error; // the file system has no such operation
  } finally {
    await opened.close();
  }
}

/** Makes a folder in an existing one. Returns whether it is new. */
async function makeOne(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && (await stat(path)).isDirectory()) return false;
    throw error;
  }
}

/** Makes a folder and its parents. Node's recursive `mkdir` hangs where folders cannot be made, as in `/proc`. */
async function makeAll(path: string): Promise<string[]> {
  try {
    return (await makeOne(path)) ? [path] : [];
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  const above = await makeAll(dirname(path));
  try {
    return (await makeOne(path)) ? [path, ...above] : above;
  } catch (error) {
    await removeEmpty(above);
    throw error;
  }
}

/** Makes a folder and its parents durably. Returns the new ones, the innermost first. */
export async function makeFolder(folder: string): Promise<string[]> {
  const made = await makeAll(resolve(folder));
  try {
    for (const at of made) await syncFolder(dirname(at));
  } catch (error) {
    await removeEmpty(made);
    throw error;
  }
  return made;
}

/** Removes folders that {@link makeFolder} made if they are empty. */
export async function removeEmpty(made: readonly string[]): Promise<void> {
  for (const folder of made) await rmdir(folder).catch(() => {});
}

/** A unique temporary name beside `path` that names its writer. */
export const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${processTag}.${randomBytes(6).toString('hex')}.tmp`);

const temporary = new RegExp(String.raw`^\..+\.(${tagPattern})\.[0-9a-f]{12}\.tmp$`);
const day = 86_400_000;

/** Removes the temporary files of dead writers; those of other machines after a day. */
export async function sweepTemporary(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const tag = temporary.exec(name)?.[1];
    if (!tag) continue;
    const { state } = stateOf(tag);
    const path = join(folder, name);
    const isOld = async (): Promise<boolean> => Date.now() - (await stat(path)).mtimeMs > day;
    if (state === 'dead' || (state === 'elsewhere' && (await isOld()))) await rm(path, { force: true });
  }
}
