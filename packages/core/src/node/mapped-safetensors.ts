import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { check, PeftError } from '../errors.ts';
import { headerLength, parseHeader, type Safetensors, type StoredTensor } from '../files/safetensors.ts';

/** A safetensors file whose tensors are read from it each time their bytes are asked for. */
export interface MappedSafetensors extends Safetensors {
  /** Throws if the file is not the one that was opened any more. */
  checkUnchanged(): void;
}

/** What changes when a file does. */
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
 * Opens a file as `parseSafetensors` reads its bytes, but without holding them: only the header is read now, and the bytes
 * of each tensor are read anew whenever they are asked for. The file must stay in its place; if it has changed by then,
 * that is an error.
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
  const checkSame = (file: number): void => {
    const isSame = identity(file) === opened.id;
    check(isSame, 'bad-file', () => `${source} has changed since it was opened; open it again.`);
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
  return { tensors, metadata: opened.metadata, checkUnchanged: () => withFile(path, checkSame) };
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new PeftError('missing', `Cannot open ${path}: ${(cause as Error).message}`, { cause });
  }
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
