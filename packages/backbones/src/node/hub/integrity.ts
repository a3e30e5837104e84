import { gitHashFile, sha1File, sha256File } from '../hash.ts';

/**
 * How a file differs from the hash that names its blob: SHA-256 for large files; for small ones Git's SHA-1 (on the Hub) or
 * the plain one (on some mirrors). `undefined` if it does not, or if the name is not a hash.
 */
export async function damageOf(path: string, etag: string): Promise<string | undefined> {
  if (/^[0-9a-f]{64}$/.test(etag)) {
    const found = await sha256File(path);
    return found === etag ? undefined : `its SHA-256 is ${found}, not ${etag}`;
  }
  if (/^[0-9a-f]{40}$/.test(etag)) {
    const found = await gitHashFile(path);
    return found === etag || (await sha1File(path)) === etag ? undefined : `Git's SHA-1 of it is ${found}, not ${etag}`;
  }
  return undefined;
}
