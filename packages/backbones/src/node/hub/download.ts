import { constants } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { check, PeftError } from '@peft/core';
import type { FileContent, FileInfo } from './client.ts';
import { HubFailure } from './failure.ts';
import { sizeIfThere } from './files.ts';
import { damageOf } from './integrity.ts';

export interface Download extends FileInfo {
  /** For errors. */
  readonly name: string;
  /** The bytes from an offset on. */
  from(offset: number): Promise<FileContent>;
}

/**
 * Writes bytes at their own positions, not at the end of the file, so that two processes that download it at once write
 * the same. Stops at the first byte beyond the announced size.
 */
async function receive(path: string, { name, size }: Download, { offset, chunks }: FileContent): Promise<void> {
  const file = await open(path, constants.O_CREAT | constants.O_WRONLY);
  try {
    let position = offset;
    for await (const chunk of chunks) {
      check(
        position + chunk.length <= size,
        'bad-file',
        () => `${name} is longer than the ${size} bytes that were announced; what arrived was thrown away.`,
      );
      for (let from = 0; from < chunk.length; ) {
        const { bytesWritten } = await file.write(chunk, from, chunk.length - from, position);
        from += bytesWritten;
        position += bytesWritten;
      }
    }
    if (position < size) throw new HubFailure(`${name} ended after ${position} of ${size} bytes`);
    await file.sync();
  } catch (error) {
    if (error instanceof PeftError) await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/**
 * Downloads to `path` by way of `path.incomplete`, which an interruption leaves and the next call resumes. The file gets its
 * name only when it is complete and its hash is right.
 *
 * @throws PeftError `bad-file` if it is too long or its hash is wrong; then nothing of it is kept
 */
export async function downloadTo(path: string, download: Download): Promise<void> {
  const { name, size, etag } = download;
  const incomplete = `${path}.incomplete`;
  await mkdir(dirname(path), { recursive: true });
  if (((await sizeIfThere(incomplete)) ?? 0) > size) await rm(incomplete);
  const offset = (await sizeIfThere(incomplete)) ?? 0;
  if (offset < size || size === 0) await receive(incomplete, download, await download.from(offset));
  const damage = await damageOf(incomplete, etag);
  if (damage) {
    await rm(incomplete, { force: true });
    throw new PeftError('bad-file', `${name} arrived damaged and was thrown away: ${damage}. Try again.`);
  }
  await rename(incomplete, path);
}
