import { constants } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PeftError } from '@peft/core';
import { Refused } from '../refused.ts';

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT';

/** Explains an error of the file system, and says what to do. */
const explanations: Readonly<Record<string, readonly [why: string, advice: string]>> = {
  EACCES: ['permission is denied', 'Check its permissions'],
  EPERM: ['permission is denied', 'Check its permissions'],
  EISDIR: ['it is a folder', 'Give a file'],
  ENOTDIR: ['a part of its path is a file, not a folder', 'Check the path'],
  ELOOP: ['its links lead to each other', 'Remove the links'],
  ENAMETOOLONG: ['its name is too long', 'Shorten it'],
  EMFILE: ['too many files are open', 'Raise the limit of open files (ulimit -n)'],
  ENXIO: ['it is not a regular file', 'Give a regular file'],
  ERR_INVALID_ARG_VALUE: ['its path holds a null byte', 'Check the path'],
};

/** The error of a path that cannot be read. `subject` names it. */
export function unreadable(subject: string, cause: unknown): Refused {
  if (isMissing(cause)) return new Refused('missing', subject, 'does not exist', 'Check the path', { cause });
  const message = cause instanceof Error ? cause.message : String(cause);
  const [why, advice] = explanations[String(codeOf(cause))] ?? [message, 'Check the disk and the path'];
  return new Refused('bad-file', subject, `cannot be read: ${why}`, advice, { cause });
}

async function readExactly(file: FileHandle, length: number, position: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  for (let count = 1; done < length && count > 0; done += count) {
    count = (await file.read(bytes, done, length - done, position + done)).bytesRead;
  }
  return done < length ? bytes.subarray(0, done) : bytes;
}

interface ReadOptions {
  /** The name of the file in errors; its path unless given. */
  readonly subject?: string;
  /** The most bytes that are read. */
  readonly limit: number;
  /** Throws where the first bytes show that the rest is not worth reading. */
  readonly checkHead?: (head: Uint8Array) => void;
}

/** The number of bytes that `checkHead` gets. */
const headBytes = 64;

/**
 * Reads a regular file. Pipes, devices and folders are refused without reading, and a file of more than `limit` bytes before
 * anything is allocated.
 */
export async function readBytes(path: string, { subject = path, limit, checkHead }: ReadOptions): Promise<Uint8Array> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)); // a pipe does not wait for its writer
    const info = await file.stat();
    if (!info.isFile()) {
      const what = info.isDirectory() ? 'is a folder' : 'is a pipe, a socket or a device';
      throw new Refused('bad-file', subject, what, 'Give a regular file');
    }
    if (info.size > limit) {
      const reason = `has ${info.size} bytes; the limit is ${limit}`;
      throw new Refused('bad-file', subject, reason, 'Make it smaller, or split it');
    }
    if (checkHead && info.size > headBytes) checkHead(await readExactly(file, headBytes, 0));
    return await readExactly(file, info.size, 0);
  } catch (error) {
    throw error instanceof PeftError ? error : unreadable(subject, error);
  } finally {
    await file?.close();
  }
}

/** The first bytes of a regular file. */
export async function readHead(path: string, length = headBytes): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    return await readExactly(file, length, 0);
  } finally {
    await file.close();
  }
}

/** Bytes of a text file; lists of a million pictures have some 50 MB. */
const textLimit = 64e6;

const lineFeed = 0x0a;

function countLines(bytes: Uint8Array): number {
  let count = 1;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === lineFeed) count++;
  return count;
}

/** The lines of a text file, without those at the end that are empty. More than `limit` are refused before they are made. */
export async function readLines(path: string, limit = 2_000_000): Promise<string[]> {
  const bytes = await readBytes(path, { limit: textLimit });
  const count = countLines(bytes);
  if (count > limit + 1) {
    throw new Refused('bad-file', path, `has ${count} lines; the limit is ${limit}`, 'Make it smaller, or split it');
  }
  const lines = new TextDecoder().decode(bytes).trimEnd().split('\n');
  return lines.map(line => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

/** `other` is a pipe, a socket or a device. */
export type PathKind = 'file' | 'folder' | 'other' | 'nothing';

/** The entry that a path leads to, through links. */
export async function kindOf(path: string): Promise<PathKind> {
  try {
    const info = await stat(path);
    return info.isDirectory() ? 'folder' : info.isFile() ? 'file' : 'other';
  } catch (cause) {
    if (isMissing(cause)) return 'nothing';
    throw unreadable(path, cause);
  }
}

/** The identity of a folder, whatever links lead to it. */
export async function identityOf(folder: string): Promise<string> {
  try {
    const { dev, ino } = await stat(folder, { bigint: true });
    return `${dev}:${ino}`;
  } catch (cause) {
    throw unreadable(folder, cause);
  }
}

/** Files that desktops and tools leave behind. Names that begin with a dot are litter as well. */
const litter = new Set(
  ['__MACOSX', '__pycache__', '@eaDir', '$RECYCLE.BIN', 'System Volume Information', 'lost+found']
    .concat(['Thumbs.db', 'ehthumbs.db', 'desktop.ini', 'Icon\r'])
    .map(name => name.toLowerCase()),
);

const isLitter = (name: string): boolean => name.startsWith('.') || litter.has(name.toLowerCase());

interface Listing {
  readonly folders: string[];
  readonly files: string[];
  /** Names of the rest, each with the reason. */
  readonly others: Map<string, string>;
}

async function linkKind(path: string): Promise<PathKind | 'loop'> {
  try {
    return await kindOf(path);
  } catch (error) {
    if (error instanceof PeftError && codeOf(error.cause) === 'ELOOP') return 'loop';
    throw error;
  }
}

/** The names in a folder, in the order of their code units. Litter is left out and links are followed. */
export async function list(folder: string): Promise<Listing> {
  const listing: Listing = { folders: [], files: [], others: new Map() };
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const { name } = entry;
      if (isLitter(name)) continue;
      const direct = entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : 'other';
      const kind = entry.isSymbolicLink() ? await linkKind(join(folder, name)) : direct;
      if (kind === 'folder') listing.folders.push(name);
      else if (kind === 'file') listing.files.push(name);
      else if (kind === 'other') listing.others.set(name, 'is a pipe, a socket or a device');
      else
        listing.others.set(name, kind === 'loop' ? 'is a link that leads to itself' : 'is a link that leads nowhere');
    }
  } catch (cause) {
    throw cause instanceof PeftError ? cause : unreadable(folder, cause);
  }
  return listing;
}
