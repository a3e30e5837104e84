import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
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

function readExactly(file: number, position: number, length: number, path: string): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const count = readSync(file, bytes, done, length - done, position + done);
    check(count > 0, 'bad-file', () => `${path} ended ${length - done} bytes early while it was read.`);
    done += count;
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
    const length = headerLength(size >= 8 ? readExactly(file, 0, 8, source) : new Uint8Array(), size, source);
    return { ...parseHeader(readExactly(file, 8, length, source), size, source), id: identity(file) };
  });
  const checkSame = (file: number): void => {
    const isSame = identity(file) === opened.id;
    check(isSame, 'bad-file', () => `${source} has changed since it was opened; open it again.`);
  };
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, begin, end }] of opened.spans) {
    tensors.set(name, {
      dtype,
      shape,
      isReadAnew: true,
      get bytes() {
        return withFile(path, file => {
          checkSame(file);
          return readExactly(file, opened.dataStart + begin, end - begin, source);
        });
      },
    });
  }
  return { tensors, metadata: opened.metadata, checkUnchanged: () => withFile(path, checkSame) };
}

function withFile<T>(path: string, body: (file: number) => T): T {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new PeftError('missing', `Cannot open ${path}: ${(cause as Error).message}`, { cause });
  }
  try {
    return body(file);
  } catch (cause) {
    if (cause instanceof PeftError) throw cause;
    throw new PeftError('bad-file', `${path} could not be read: ${(cause as Error).message}`, { cause });
  } finally {
    closeSync(file);
  }
}
