import type { Dataset } from './dataset.ts';
import type { IdentifiedDataset } from './dataset-hash.ts';

/** The pixels of a picture. */
const pixelsOf = async (dataset: Dataset, index: number): Promise<Uint8Array | Float32Array> =>
  dataset.preprocessed ? dataset.tensor(index) : (await dataset.picture(index)).data;

/** Whether two pictures are the same, or neither can be decoded. */
async function isSame(one: Dataset, i: number, other: Dataset, j: number): Promise<boolean> {
  const [a, b] = await Promise.all([pixelsOf(one, i), pixelsOf(other, j)].map(pixels => pixels.catch(() => undefined)));
  return a?.length === b?.length && (a === undefined || a.every((value, k) => value === b?.[k]));
}

/**
 * Counts the pictures of a dataset that another one has too. Pictures with equal digests are decoded and compared, as a digest reads
 * no more than the first bytes of a file.
 *
 * @param most where counting stops
 */
export async function countShared(
  one: IdentifiedDataset,
  other: IdentifiedDataset,
  most = one.dataset.size,
): Promise<number> {
  const places = new Map(other.digests.map((digest, j) => [digest, j]));
  let count = 0;
  for (const [i, digest] of one.digests.entries()) {
    const j = digest === undefined ? undefined : places.get(digest);
    if (j !== undefined && (await isSame(one.dataset, i, other.dataset, j))) count++;
    if (count >= most) break;
  }
  return count;
}
