import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { check, PeftError } from '../errors.ts';
import { headerLength, parseHeader, type SafetensorsHeader } from '../files/safetensors.ts';

/** An open safetensors file of which tensors, or rows of them, are read as needed. */
export interface SafetensorsFile {
  readonly header: SafetensorsHeader['spans'];
  readonly metadata: Record<string, string>;
  /** Bytes `begin` to `end` of a tensor; all of it if they are left out. */
  read(name: string, begin?: number, end?: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

async function readExactly(file: FileHandle, position: number, length: number, source: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done).catch((cause: Error) => {
      throw new PeftError('bad-file', `${source} could not be read: ${cause.message}`, { cause });
    });
    check(bytesRead > 0, 'bad-file', () => `${source} ended ${length - done} bytes early while it was read.`);
    done += bytesRead;
  }
  return bytes;
}

/** Opens a file and checks its header against its size, without reading its tensors. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)); // opening a pipe must not wait for its writer
  } catch (cause) {
    throw new PeftError('missing', `Cannot open ${path}: ${(cause as Error).message}`, { cause });
  }
  try {
    const found = await file.stat();
    check(found.isFile(), 'bad-file', () => `${path} is not a regular file.`);
    const { size } = found;
    const length = headerLength(size >= 8 ? await readExactly(file, 0, 8, path) : new Uint8Array(), size, path);
    const { spans, metadata, dataStart } = parseHeader(await readExactly(file, 8, length, path), size, path);
    return {
      header: spans,
      metadata,
      async read(name, begin = 0, end) {
        const span = spans.get(name);
        check(
          span,
          'missing',
          () => `${path} has no tensor "${name}"; it has ${[...spans.keys()].slice(0, 8).join(', ')}.`,
        );
        const bytes = span.end - span.begin;
        const stop = end ?? bytes;
        const isWithin = 0 <= begin && begin <= stop && stop <= bytes;
        check(isWithin, 'bad-argument', () => `"${name}" has ${bytes} bytes; there are no bytes ${begin} to ${stop}.`);
        return await readExactly(file, dataStart + span.begin + begin, stop - begin, path);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}
