import { sha256Of } from '@peft/core';
import type { Dataset } from './dataset.ts';

/** How many of a picture's first bytes are hashed: enough to tell it from others. */
export const hashedBytes = 16_384;

/** The digest of a picture: SHA-256 of its first {@link hashedBytes} bytes, and its size in bytes. */
export const digestOf = (head: Uint8Array, size: number): string =>
  `${size}:${sha256Of(head.subarray(0, hashedBytes))}`;

/** Digests that are computed at the same time. */
const parallel = 16;

/**
 * The SHA-256, in hexadecimal, of which pictures a dataset has, in order, with their labels and the names of its classes. It is
 * the same wherever the pictures lie, and another after one was added, removed, replaced or given another label.
 */
export async function datasetHash(dataset: Dataset): Promise<string> {
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
  return sha256Of(new TextEncoder().encode(list));
}
