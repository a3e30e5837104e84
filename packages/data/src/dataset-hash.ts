import { sha256Of } from '@peft/core';
import type { Dataset } from './dataset.ts';

/** The number of a picture's first bytes that are hashed: enough to identify it. */
export const hashedBytes = 16_384;

/** The digest of a picture: SHA-256 of its first {@link hashedBytes} bytes, and its size in bytes. */
export const digestOf = (head: Uint8Array, size: number): string =>
  `${size}:${sha256Of(head.subarray(0, hashedBytes))}`;

/** The number of digests that are computed concurrently. */
const parallel = 16;

/** A dataset, and what identifies its pictures. */
export interface IdentifiedDataset {
  readonly dataset: Dataset;
  /** The digest of each picture; undefined where the dataset gives none. */
  readonly digests: readonly (string | undefined)[];
  /** The SHA-256, in hexadecimal, of the digests in order, the labels and the class names. */
  readonly hash: string;
}

/** Hashes a dataset, and keeps the digests of its pictures. */
export async function identify(dataset: Dataset): Promise<IdentifiedDataset> {
  const { size, classes } = dataset;
  const digests: (string | undefined)[] = Array.from({ length: size });
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < size) {
      const index = next++;
      digests[index] = await dataset.digest?.(index);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  const list = JSON.stringify({ classes, labels: [...dataset.labels()], digests });
  return { dataset, digests, hash: sha256Of(new TextEncoder().encode(list)) };
}

/**
 * The SHA-256, in hexadecimal, of a dataset's pictures in order, their labels and the class names. It does not depend on where
 * the pictures are, and changes if one is added, removed, replaced or relabeled.
 */
export const datasetHash = async (dataset: Dataset): Promise<string> => (await identify(dataset)).hash;
