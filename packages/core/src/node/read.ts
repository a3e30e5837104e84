import { readFile, stat } from 'node:fs/promises';
import { check, PeftError } from '../errors.ts';

const missing = ['ENOENT', 'ENOTDIR'];

/** The bytes of a regular file; undefined if there is none. */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    const found = await stat(path);
    check(found.isFile(), 'bad-file', () => `${path} is not a regular file.`);
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof PeftError) throw cause;
    const { code = '', message } = cause as NodeJS.ErrnoException;
    if (missing.includes(code)) return undefined;
    throw new PeftError('bad-file', `${path} could not be read: ${message}`, { cause });
  }
}

/**
 * The bytes of a regular file.
 *
 * @throws PeftError `missing` if there is none; `bad-file` if it is not a regular file or cannot be read
 */
export async function readRegular(path: string): Promise<Uint8Array> {
  const bytes = await readIfThere(path);
  check(bytes, 'missing', () => `There is no file ${path}.`);
  return bytes;
}
