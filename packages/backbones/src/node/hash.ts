import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

async function digest(algorithm: string, path: string, prefix = ''): Promise<string> {
  const hash = createHash(algorithm).update(prefix);
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

const settled = 2000; // ms; a file that changed more recently may change again within one tick of its clock
const known = new Map<string, string>();

/**
 * The SHA-256 of a file, in hexadecimal, read in pieces. A process hashes an unchanged file once, although the cache checks
 * it and an adapter is tied to it.
 */
export async function sha256File(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = await stat(path, { bigint: true });
  const state = [dev, ino, size, mtimeNs, ctimeNs].join();
  const found = known.get(state) ?? (await digest('sha256', path));
  if (Date.now() - Number(ctimeMs) > settled) known.set(state, found);
  return found;
}

/** The SHA-1 of a file, in hexadecimal. */
export const sha1File = (path: string): Promise<string> => digest('sha1', path);

/** The SHA-1 under which Git stores a file, in hexadecimal. */
export const gitHashFile = async (path: string): Promise<string> =>
  digest('sha1', path, `blob ${(await stat(path)).size}\0`);
