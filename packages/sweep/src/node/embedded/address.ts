import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { readIfThere, writeAtomic } from '@peft/core/node';

/*
 * Where the scheduler of a folder listens: a socket in a folder of its own, which this user alone can enter. A socket's path is
 * limited to about a hundred characters, so that it cannot lie in any folder.
 */

const addressFile = (folder: string): string => join(folder, 'address');

const isOurs = (path: string): boolean =>
  basename(path) === 'queue' && basename(dirname(path)).startsWith('peft-queue-');

/** Removes the socket of a scheduler that was killed. */
async function sweep(folder: string): Promise<void> {
  const old = await addressOf(folder);
  if (old && isOurs(old)) await rm(dirname(old), { recursive: true, force: true });
}

/** A new address. */
export async function newAddress(folder: string): Promise<string> {
  await sweep(folder);
  if (process.platform === 'win32') return `\\\\.\\pipe\\peft-queue-${randomBytes(12).toString('hex')}`;
  return join(await mkdtemp(join(tmpdir(), 'peft-queue-')), 'queue');
}

/** Tells workers the address, once the scheduler listens. */
export const publish = (folder: string, address: string): Promise<void> => writeAtomic(addressFile(folder), address);

/** Where the scheduler listens, or did; undefined if there was none. */
export async function addressOf(folder: string): Promise<string | undefined> {
  const bytes = await readIfThere(addressFile(folder));
  return bytes && new TextDecoder().decode(bytes);
}

/** Removes the address and its socket. */
export async function withdraw(folder: string): Promise<void> {
  await sweep(folder);
  await rm(addressFile(folder), { force: true });
}
