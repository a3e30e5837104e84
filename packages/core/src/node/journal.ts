import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { check, PeftError } from '../errors.ts';
import { makeFolder, syncFolder } from './durable.ts';
import { readIfThere } from './read.ts';

/** A file of lines that only grows. What `append` has returned from survives a kill and a power cut. */
export interface Journal {
  /** The whole lines that were there when it was opened. */
  readonly lines: readonly string[];
  /**
   * Appends lines, in the order of the calls. Lines that are given while the disk is busy are written together.
   *
   * @throws PeftError `write-failed`; the file is then as it was before
   */
  append(lines: readonly string[]): Promise<void>;
  /** Waits for what is under way, and closes the file. */
  close(): Promise<void>;
}

const newline = 0x0a;

/** Removes the part of a line that a killed writer left at the end. Returns the length of the file. */
async function cutTornLine(file: FileHandle, bytes: Uint8Array): Promise<number> {
  const whole = bytes.lastIndexOf(newline) + 1;
  if (whole < bytes.length) {
    await file.truncate(whole);
    await file.sync();
  }
  return whole;
}

/**
 * Opens a file of lines for appending, and makes it if it is missing. A last line without an end, as a killed writer leaves it, is
 * removed. One writer at a time: lock the folder.
 *
 * @throws PeftError `bad-file` if it is not a regular file; `write-failed` if it cannot be opened for writing
 */
export async function openJournal(path: string): Promise<Journal> {
  const bytes = (await readIfThere(path)) ?? new Uint8Array();
  let file: FileHandle;
  let length: number;
  try {
    await makeFolder(dirname(path));
    file = await open(path, 'a');
    length = await cutTornLine(file, bytes);
    await syncFolder(dirname(path));
  } catch (cause) {
    throw new PeftError('write-failed', `Cannot write to ${path}: ${(cause as Error).message}`, { cause });
  }
  const text = new TextDecoder().decode(bytes.subarray(0, length));
  let pending: string[] = [];
  let writing: Promise<void> | undefined;
  const write = async (): Promise<void> => {
    const content = Buffer.from(pending.map(line => `${line}\n`).join(''));
    pending = [];
    try {
      await file.appendFile(content);
      await file.sync();
      length += content.length;
    } catch (cause) {
      await file.truncate(length).catch(() => {});
      throw new PeftError('write-failed', `Cannot write to ${path}: ${(cause as Error).message}`, { cause });
    }
  };
  /** The write after the one under way, which takes all lines that are given until then. */
  let next: Promise<void> | undefined;
  return {
    lines: text.split('\n').filter(line => line !== ''),
    append(lines) {
      const broken = lines.find(line => line.includes('\n'));
      check(broken === undefined, 'bad-argument', () => 'A line of a journal has no line break.');
      pending.push(...lines);
      next ??= (writing ?? Promise.resolve())
        .catch(() => {})
        .then(() => {
          writing = next;
          next = undefined;
          return write();
        });
      return next;
    },
    async close() {
      await (next ?? writing)?.catch(() => {});
      await file.close();
    },
  };
}
