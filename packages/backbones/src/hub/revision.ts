import { check, PeftError, quote } from '@peft/core';
import { isCommit } from './names.ts';
import type { HubReference } from './reference.ts';

/** The largest answer about a model, and the largest JSON file of one, in bytes. Real ones are thousands of times smaller. */
export const maxJsonSize = 16 * 2 ** 20;

/** What the Hub says of a file, where it is asked for more than its path. */
export interface HubBlob {
  /** In bytes. */
  readonly size: number;
  /** The SHA-256 of a large file, in hexadecimal. */
  readonly sha256?: string;
}

/** A revision, as the Hub has it now. */
export interface Revision {
  readonly commit: string;
  /** Paths of its files. */
  readonly files: readonly string[];
  /** By path, of those files of which the answer tells. */
  readonly blobs: ReadonlyMap<string, HubBlob>;
}

/** A file of a commit. */
export interface HubFile {
  readonly name: string;
  readonly commit: string;
  readonly path: string;
}

/** The path below the endpoint at which the Hub tells of a revision; `blobs` asks for the size and the hash of each file too. */
export function revisionPath({ name, revision }: HubReference, { blobs = false } = {}): string {
  const wanted = blobs ? 'blobs=true' : 'expand=sha&expand=siblings';
  return `/api/models/${name}/revision/${encodeURIComponent(revision)}?${wanted}`;
}

/** The path below the endpoint at which the Hub has a file. */
export const filePath = ({ name, commit, path }: HubFile): string =>
  `/${name}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;

function blobOf(sibling: unknown): HubBlob | undefined {
  const { size, lfs } = sibling as { size?: unknown; lfs?: { sha256?: unknown } | null };
  if (!Number.isSafeInteger(size) || (size as number) < 0) return undefined;
  const hash = lfs?.sha256;
  return { size: size as number, ...(typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash) && { sha256: hash }) };
}

/**
 * Reads the Hub's answer about a revision.
 *
 * @param what the model and the revision, for errors
 * @throws PeftError `bad-file` for an answer that is not the Hub's
 */
export function parseRevision(text: string, what: string): Revision {
  let info: { sha?: unknown; siblings?: unknown } | null;
  try {
    info = JSON.parse(text);
  } catch (cause) {
    throw new PeftError('bad-file', `The Hub's answer about ${what} is not JSON: is HF_ENDPOINT a Hub?`, { cause });
  }
  const commit = info?.sha;
  check(
    typeof commit === 'string' && isCommit(commit),
    'bad-file',
    () => `The Hub's answer about ${what} has ${quote(commit)} for a commit, not 40 hexadecimal digits.`,
  );
  const siblings: readonly unknown[] = Array.isArray(info?.siblings) ? info.siblings : [];
  const files = siblings.map(sibling => (sibling as { rfilename?: unknown } | null)?.rfilename);
  check(
    files.every(file => typeof file === 'string'),
    'bad-file',
    () => `The Hub's answer about ${what} lists a file without a name.`,
  );
  const blobs = new Map<string, HubBlob>();
  for (const [i, file] of files.entries()) {
    const blob = blobOf(siblings[i]);
    if (blob) blobs.set(file, blob);
  }
  return { commit, files, blobs };
}
