import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { check, PeftError } from '../errors.ts';
import { headerLength, parseHeader, type Safetensors } from '../files/safetensors.ts';
import type { StoredTensor } from '../files/stored-tensor.ts';

/** A safetensors file that reads a tensor's bytes each time they are asked for. */
export interface MappedSafetensors extends Safetensors {
  /** Throws if the file is not the one that was opened any more. */
  checkUnchanged(): void;
  /** Sets the file's SHA-256, in hexadecimal, so that a file that was only touched or copied counts as unchanged. */
  setHash(sha256: string): void;
}

/** The identity of a version of a file. */
const identity = (file: number): string => {
  const { dev, ino, size, mtimeMs } = fstatSync(file);
  return [dev, ino, size, mtimeMs].join(' ');
};

/** Bytes of an open file. `path` is for errors. */
interface Span {
  readonly file: number;
  readonly path: string;
  readonly position: number;
  readonly length: number;
}

function checkRead(count: number, missing: number, { path }: Span): number {
  check(count > 0, 'bad-file', () => `${path} ended ${missing} bytes early while it was read.`);
  return count;
}

function readExactly(span: Span): Uint8Array {
  const { file, position, length } = span;
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    done += checkRead(readSync(file, bytes, done, length - done, position + done), length - done, span);
  }
  return bytes;
}

const readSome = promisify(read);

/** The same, in another thread. */
async function readExactlyAside(span: Span): Promise<Uint8Array> {
  const { file, position, length } = span;
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await readSome(file, bytes, done, length - done, position + done);
    done += checkRead(bytesRead, length - done, span);
  }
  return bytes;
}

/**
 * Opens a file like `parseSafetensors`, but holds only its header: the bytes of a tensor are read each time they are asked
 * for. It is an error then if the file has changed.
 *
 * @param source the file's name, for errors; its path unless given
 * @throws PeftError `missing` or `bad-file`
 */
export function mapSafetensors(path: string, source = path): MappedSafetensors {
  const opened = withFile(path, file => {
    const { size } = fstatSync(file);
    const span = (position: number, length: number): Uint8Array =>
      readExactly({ file, path: source, position, length });
    const length = headerLength(size >= 8 ? span(0, 8) : new Uint8Array(), size, source);
    return { ...parseHeader(span(8, length), size, source), id: identity(file) };
  });
  let { id } = opened;
  let hash: string | undefined;
  const checkSame = (file: number): void => {
    const now = identity(file);
    if (now === id) return;
    const isSame = hash !== undefined && hashOf(file) === hash;
    check(isSame, 'bad-file', () => `${source} has changed since it was opened; open it again.`);
    id = now;
  };
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, begin, end }] of opened.spans) {
    const spanOf = (file: number): Span => {
      checkSame(file);
      return { file, path: source, position: opened.dataStart + begin, length: end - begin };
    };
    tensors.set(name, {
      dtype,
      shape,
      get bytes() {
        return withFile(path, file => readExactly(spanOf(file)));
      },
      read: () => withFileAside(path, file => readExactlyAside(spanOf(file))),
    });
  }
  return {
    tensors,
    metadata: opened.metadata,
    checkUnchanged: () => withFile(path, checkSame),
    setHash(sha256) {
      hash = sha256;
    },
  };
}

/** The SHA-256 of an open file, in hexadecimal. */
function hashOf(file: number): string {
  const hash = createHash('sha256');
  const part = new Uint8Array(2 ** 20);
  for (let position = 0, count = 1; count > 0; position += count) {
    count = readSync(file, part, 0, part.length, position);
    hash.update(part.subarray(0, count));
  }
  return hash.digest('hex');
}

function open(path: string): number {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)); // opening a pipe must not wait for its writer
  } catch (cause) {
    throw new PeftError('missing', `Cannot open ${path}: ${(cause as Error).message}`, { cause });
  }
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw new PeftError('bad-file', `${path} is not a regular file.`);
}

const unreadable = (path: string, cause: unknown): PeftError =>
  cause instanceof PeftError
    ? cause
    : new PeftError('bad-file', `${path} could not be read: ${(cause as Error).message}`, { cause });

function withFile<T>(path: string, body: (file: number) => T): T {
  const file = open(path);
  try {
    return body(file);
  } catch (cause) {
    throw unreadable(path, cause);
  } finally {
    closeSync(file);
  }
}

async function withFileAside<T>(path: string, body: (file: number) => Promise<T>): Promise<T> {
  const file = open(path);
  try {
    return await body(file);
  } catch (cause) {
    throw unreadable(path, cause);
  } finally {
    closeSync(file);
  }
}
