import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
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

/** Moves a folder to the place of another, or of nothing. If it fails, the old one stays. */
export async function replaceFolder(made: string, folder: string): Promise<void> {
  const old = besides(folder);
  const hadOld = (await entryAt(folder)).kind === 'folder';
  if (hadOld) await rename(folder, old);
  try {
    await rename(made, folder);
  } catch (cause) {
    if (hadOld) await rename(old, folder);
    throw cause;
  }
  if (hadOld) await rm(old, { recursive: true });
}
