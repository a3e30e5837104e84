import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PeftError } from '@peft/core';

/** Endings of the files that are taken for pictures. */
const pictureFile = /\.(jpe?g|png|webp|tiff?|gif|avif)$/i;

/** The same, for messages. */
export const pictureEndings = 'jpg, jpeg, png, webp, tif, tiff, gif, avif';

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @param source what the file is for, in errors: its path and where that was listed */
export async function readBytes(path: string, source: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (isMissing(cause))
      throw new PeftError('missing', `${source} does not exist; restore it or take it off the list.`, { cause });
    throw new PeftError('bad-file', `${source} cannot be read: ${reason(cause)}. Check its permissions.`, { cause });
  }
}

/** The lines of a text file, without those at the end that are empty. */
export async function readLines(path: string): Promise<string[]> {
  const text = new TextDecoder().decode(await readBytes(path, path));
  return text.trimEnd().split(/\r?\n/);
}

export type PathKind = 'file' | 'folder' | 'nothing';

/** What a path leads to, through links. */
export async function kindOf(path: string): Promise<PathKind> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (cause) {
    if (isMissing(cause)) return 'nothing';
    throw new PeftError('bad-file', `${path} cannot be read: ${reason(cause)}. Check its permissions.`, { cause });
  }
}

interface Listing {
  readonly folders: string[];
  readonly files: string[];
}

/** The names in a folder, in the order of their code units; hidden ones are left out and links followed. */
export async function list(folder: string): Promise<Listing> {
  const listing: Listing = { folders: [], files: [] };
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue;
      const kind = entry.isSymbolicLink()
        ? await kindOf(join(folder, entry.name))
        : entry.isDirectory()
          ? 'folder'
          : 'file';
      if (kind === 'folder') listing.folders.push(entry.name);
      if (kind === 'file') listing.files.push(entry.name);
    }
  } catch (cause) {
    if (cause instanceof PeftError) throw cause;
    throw new PeftError(
      'bad-file',
      `${folder} cannot be read: ${reason(cause)}. Check that it is a folder, and its permissions.`,
      { cause },
    );
  }
  return listing;
}

/** The paths of all picture files below a folder. */
export async function listPictures(folder: string): Promise<string[]> {
  const { folders, files } = await list(folder);
  const here = files.filter(name => pictureFile.test(name)).map(name => join(folder, name));
  const below = await Promise.all(folders.map(name => listPictures(join(folder, name))));
  return [here, ...below].flat();
}

/** Throws one error for all problems found, of which the first few are told. */
export function throwAny(problems: readonly string[], advice: string): void {
  if (problems.length === 0) return;
  const shown = problems.slice(0, 5);
  const more = problems.length > shown.length ? `\n  and ${problems.length - shown.length} more` : '';
  throw new PeftError('bad-file', `${shown.length > 1 ? '\n  ' : ''}${shown.join('\n  ')}${more}\n${advice}`);
}
