import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { check, PeftError } from '../errors.ts';

const writeDurably = async (path: string, content: Uint8Array | string): Promise<void> => {
  const file = await open(path, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
};

interface Write {
  readonly path: string;
  readonly temporary: string;
  readonly content: Uint8Array | string;
}

/** Writes everything under temporary names, then renames: whatever fails before the last byte is on disk changes nothing. */
async function writeAll(target: string, writes: readonly Write[]): Promise<void> {
  const made: string[] = [];
  try {
    for (const { path, temporary, content } of writes) {
      const folder = await mkdir(dirname(path), { recursive: true });
      if (folder) made.push(folder);
      const old = await stat(path).catch(() => undefined);
      check(!old?.isDirectory(), 'write-failed', () => `${path} is a folder`);
      made.push(temporary);
      await writeDurably(temporary, content);
    }
    for (const { path, temporary } of writes) await rename(temporary, path);
  } catch (cause) {
    for (const path of made.reverse()) await rm(path, { recursive: true, force: true });
    const why = (cause as Error).message;
    throw new PeftError('write-failed', `Could not write ${target}: ${why}. What was there is as it was.`, { cause });
  }
}

const plan = (path: string, content: Uint8Array | string): Write => ({
  path,
  temporary: join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`),
  content,
});

/** Writes a file under a temporary name and renames it: whatever fails, what was there before stays whole. */
export const writeAtomic = (path: string, content: Uint8Array | string): Promise<void> =>
  writeAll(path, [plan(path, content)]);

/**
 * Writes several files of one folder, by relative path: all under temporary names first, then renamed, so that a full
 * disk leaves the folder as it was.
 */
export const writeFolderAtomic = (folder: string, files: Record<string, Uint8Array | string>): Promise<void> =>
  writeAll(
    folder,
    Object.entries(files).map(([name, content]) => plan(join(folder, name), content)),
  );
