import { readFile } from 'node:fs/promises';
import { PeftError } from '@peft/core';

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

/** The content of a JSON file, or `undefined` if there is none. */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new PeftError('missing', `Cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PeftError('bad-file', `${path} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
}
