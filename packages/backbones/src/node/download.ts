import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PeftError } from '@peft/core';
import { sha256File } from './hash.ts';

export interface Download {
  /** For errors. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** In hexadecimal, if it is known. */
  readonly sha256: string | undefined;
  /** The bytes from an offset to the end. */
  from(offset: number): ReadableStream<Uint8Array>;
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

/**
 * Downloads to `path`, by way of `path.incomplete`, which an interruption leaves and the next call goes on from. The file
 * appears under its name only once it is whole.
 */
export async function downloadTo(path: string, { name, size, sha256, from }: Download): Promise<void> {
  const incomplete = `${path}.incomplete`;
  await mkdir(dirname(path), { recursive: true });
  if ((await sizeOf(incomplete)) > size) await rm(incomplete);
  const offset = await sizeOf(incomplete);
  if (offset < size) await pipeline(Readable.from(from(offset)), createWriteStream(incomplete, { flags: 'a' }));
  const received = await sizeOf(incomplete);
  if (received !== size) {
    throw new PeftError('bad-file', `${name} ended after ${received} of ${size} bytes; try again to go on from there.`);
  }
  const found = sha256 && (await sha256File(incomplete));
  if (found !== sha256) {
    await rm(incomplete);
    throw new PeftError('bad-file', `${name} arrived damaged: its SHA-256 is ${found}, not ${sha256}. Try again.`);
  }
  await rename(incomplete, path);
}
