import { readFile, stat } from 'node:fs/promises';

/** The error codes of a missing file, and of a folder in the place of a file or a file in the place of a folder. */
const missing: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'EISDIR'];

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && missing.includes(error.code);

const undefinedIfMissing = (error: unknown): undefined => {
  if (!isMissing(error)) throw error;
};

/** The text of a file; `undefined` if there is none. */
export const readTextIfThere = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch(undefinedIfMissing);

/** The size of a file, in bytes; `undefined` if there is none, or if it is a link to none. */
export const sizeIfThere = (path: string): Promise<number | undefined> =>
  stat(path).then(({ size }) => size, undefinedIfMissing);
