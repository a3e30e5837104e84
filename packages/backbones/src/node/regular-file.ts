import { stat } from 'node:fs/promises';
import { check, PeftError } from '@peft/core';

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

/** The kind of entry at a path, through links, with the size of a file in bytes. */
export type Entry = { readonly kind: 'file'; readonly size: number } | { readonly kind: 'folder' | 'none' | 'special' };

/** @throws PeftError `missing` for a path that cannot be looked at */
export async function entryAt(path: string): Promise<Entry> {
  try {
    const found = await stat(path);
    if (found.isFile()) return { kind: 'file', size: found.size };
    return { kind: found.isDirectory() ? 'folder' : 'special' };
  } catch (cause) {
    if (isMissing(cause)) return { kind: 'none' };
    throw new PeftError('missing', `Cannot look at ${path}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Checks a path before it is opened: reading a pipe may never start, reading a device may never end.
 *
 * @returns its size in bytes
 * @throws PeftError `missing` if there is nothing; `bad-file` for what is not a regular file, with `advice` for a folder
 */
export async function checkRegular(path: string, advice = 'Give a file in it.'): Promise<number> {
  const found = await entryAt(path);
  check(found.kind !== 'none', 'missing', () => `There is no file ${path}.`);
  check(found.kind !== 'folder', 'bad-file', () => `${path} is a folder, not a file. ${advice}`);
  check(found.kind === 'file', 'bad-file', () => `${path} is not a regular file but a pipe, a socket or a device.`);
  return found.size;
}
