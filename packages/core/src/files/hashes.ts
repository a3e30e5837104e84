import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { check } from '../errors.ts';

/** SHA-256 in hexadecimal. Avoids `crypto.subtle`, which pages have only over https. */
export const sha256Of = (bytes: Uint8Array): string => bytesToHex(sha256(bytes));

/** The SHA-256 by relative path of the files that a `peft.json` was saved with. */
export type FileHashes = Record<string, string>;

const isTied = (path: string): boolean =>
  /^([^/\\]+\/)*adapter_(config\.json|model\.safetensors)$/.test(path) && !/(^|\/)\.\.?\//.test(path);

/** Whether it can be {@link FileHashes}: of files that belong to adapters, all inside the folder. */
export const isFileHashes = (value: unknown): value is FileHashes =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).every(([path, hash]) => isTied(path) && /^[0-9a-f]{64}$/.test(String(hash)));

/** The hashes in a `peft.json`; undefined if it is invalid, which reading the folder reports. */
export function recordedHashes(peftJson: Uint8Array): FileHashes {
  try {
    const { files } = JSON.parse(new TextDecoder().decode(peftJson)) as { files?: unknown };
    return isFileHashes(files) ? files : {};
  } catch {
    return {};
  }
}

/** Refuses a file that is not of the same save as `peft.json`: new weights beside old scales and labels. */
export function checkHash(bytes: Uint8Array, path: string, hashes: FileHashes, source: string): void {
  const recorded = hashes[path];
  check(recorded, 'bad-file', () => `${source}/peft.json: "files" has no SHA-256 of ${path}. Save the folder again.`);
  const found = sha256Of(bytes);
  check(
    found === recorded,
    'bad-file',
    () =>
      `${source}/${path} and peft.json are of different saves: its SHA-256 is ${found}, recorded is ${recorded}. A save may ` +
      'be under way, or the folder was copied in part: try again, or copy it whole. If you replaced the file on purpose, ' +
      'write its SHA-256 into "files" of peft.json.',
  );
}
