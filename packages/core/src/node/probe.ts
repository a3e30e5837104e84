import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PeftError } from '../errors.ts';
import { makeFolder, removeEmpty, temporaryName, writeDurably } from './durable.ts';

const reasons: Record<string, string> = {
  EEXIST: 'it is a file, not a folder',
  ENOTDIR: 'a folder of this path is a file',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
};

/** Makes a folder, and writes and removes a file there. Returns the folders that it created. */
export async function probe(folder: string, bytes = 4096): Promise<string[]> {
  let made: string[] = [];
  try {
    made = await makeFolder(folder);
    const file = temporaryName(join(folder, 'probe'));
    try {
      await writeDurably(file, new Uint8Array(bytes));
    } finally {
      await rm(file, { force: true });
    }
    return made;
  } catch (cause) {
    await removeEmpty(made);
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const reason = reasons[code] ? `${reasons[code]} (${message})` : message;
    throw new PeftError('write-failed', `Cannot write to ${folder}: ${reason}. Choose another folder.`, { cause });
  }
}

/**
 * Proves that a folder is writable by writing a file. Leaves neither the file nor a new folder behind.
 *
 * @param bytes how much must fit on the disk
 * @throws PeftError `write-failed`, with the reason
 */
export async function probeWritable(folder: string, bytes?: number): Promise<void> {
  await removeEmpty(await probe(folder, bytes));
}
