import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { check } from '@peft/core';
import { entryAt } from './regular-file.ts';

/** An unused, hidden path beside another. */
export const besides = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);

/**
 * Checks that a folder holds nothing but files of these names, so that it may be replaced.
 *
 * @throws PeftError `write-failed` for a file, or a folder that holds something else
 */
export async function checkReplaceable(folder: string, names: readonly string[]): Promise<void> {
  const { kind } = await entryAt(folder);
  if (kind === 'none') return;
  check(kind === 'folder', 'write-failed', () => `${folder} is not a folder; give another place.`);
  const others = (await readdir(folder)).filter(name => !names.includes(name));
  check(
    others.length === 0,
    'write-failed',
    () => `${folder} holds other files (${others.slice(0, 5).join(', ')}); give an empty folder, or a new one.`,
  );
}

/** Where a folder waits while another takes its place: hidden beside it. */
const replacedPath = (folder: string): string => join(dirname(folder), `.${basename(folder)}.replaced`);

const isFolder = async (path: string): Promise<boolean> => (await entryAt(path)).kind === 'folder';

/** The folder itself; or, if replacing it was killed half-way, the place where it was moved. */
export async function currentFolder(folder: string): Promise<string> {
  const place = resolve(folder);
  if ((await entryAt(place)).kind !== 'none') return folder;
  return (await isFolder(replacedPath(place))) ? replacedPath(place) : folder;
}

/** Moves a folder to the place of another, or of nothing. If it fails, or is killed, {@link currentFolder} is the old one. */
export async function replaceFolder(made: string, folder: string): Promise<void> {
  const old = replacedPath(folder);
  const hadOld = await isFolder(folder);
  if (hadOld) {
    await rm(old, { recursive: true, force: true });
    await rename(folder, old);
  }
  try {
    await rename(made, folder);
  } catch (cause) {
    if (hadOld) await rename(old, folder);
    throw cause;
  }
  await rm(old, { recursive: true, force: true });
}
