import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PeftError } from '../errors.ts';

const writeDurably = async (path: string, content: Uint8Array | string): Promise<void> => {
  const file = await open(path, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
};

/** Writes a file under a temporary name and renames it: whatever fails, what was there before stays whole. */
export async function writeAtomic(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeDurably(temporary, content);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new PeftError('write-failed', `Could not write ${path}: ${(cause as Error).message}. Nothing was changed.`, {
      cause,
    });
  }
}

/**
 * Writes several files of one folder: all under temporary names first, then renamed, so that a full disk leaves the
 * folder as it was.
 */
export async function writeFolderAtomic(folder: string, files: Record<string, Uint8Array | string>): Promise<void> {
  const suffix = `.${randomBytes(6).toString('hex')}.tmp`;
  const names = Object.keys(files);
  const temporary = (name: string): string => join(folder, `.${name}${suffix}`);
  try {
    await mkdir(folder, { recursive: true });
    for (const name of names) await writeDurably(temporary(name), files[name]);
    for (const name of names) await rename(temporary(name), join(folder, name));
  } catch (cause) {
    await Promise.all(names.map(name => rm(temporary(name), { force: true })));
    throw new PeftError('write-failed', `Could not write ${folder}: ${(cause as Error).message}.`, { cause });
  }
}
