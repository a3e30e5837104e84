import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { check, PeftError } from '../errors.ts';
import { makeFolder, removeEmpty, sweepTemporary, syncFolder, temporaryName, writeDurably } from './durable.ts';

/** Refuses to replace a folder or a device such as `/dev/null`. */
export async function checkReplaceable(path: string): Promise<void> {
  const old = await stat(path).catch(() => undefined);
  check(!old?.isDirectory(), 'write-failed', () => `${path} is a folder`);
  check(!old || old.isFile(), 'write-failed', () => `${path} is not a regular file`);
}

/**
 * Writes a file under a temporary name and renames it durably: whatever fails, the old or the new file is there, complete.
 * Removes temporary files that killed writers left beside it.
 *
 * @param options.keep where the file that was there goes; by default it is replaced
 * @throws PeftError `write-failed`, which says what is there now
 */
export async function writeAtomic(
  path: string,
  content: Uint8Array | string,
  { keep }: { keep?: string } = {},
): Promise<void> {
  const folder = dirname(path);
  const temporary = temporaryName(path);
  let made: string[] = [];
  let state = 'What was there is as it was.';
  try {
    made = await makeFolder(folder);
    await checkReplaceable(path);
    await sweepTemporary(folder);
    await writeDurably(temporary, content);
    if (keep) {
      await rename(path, keep).catch(ignoreMissing);
      state = `What was there is now ${keep}.`;
    }
    await rename(temporary, path);
    state = 'The new file is there, but a power cut may undo it.';
    await syncFolder(folder);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    await removeEmpty(made);
    throw new PeftError('write-failed', `Could not write ${path}: ${(cause as Error).message}. ${state}`, { cause });
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
