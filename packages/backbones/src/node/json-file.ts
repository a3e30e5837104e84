import { readFile } from 'node:fs/promises';
import { check, PeftError } from '@peft/core';
import { checkRegular, entryAt } from './regular-file.ts';

/** The largest configuration that is read, in bytes: 21,841 class names take 1 MB. */
const mostBytes = 32 * 2 ** 20;

/**
 * The content of a JSON file, or `undefined` if there is none.
 *
 * @throws PeftError `bad-file` for what is not a regular file of a configuration's size, or not JSON
 */
export async function readJson(path: string): Promise<unknown> {
  if ((await entryAt(path)).kind === 'none') return undefined;
  const bytes = await checkRegular(path);
  check(
    bytes <= mostBytes,
    'bad-file',
    () => `${path} has ${bytes} bytes; a configuration has at most ${mostBytes}. Is it another file?`,
  );
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new PeftError('missing', `Cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PeftError('bad-file', `${path} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
}
