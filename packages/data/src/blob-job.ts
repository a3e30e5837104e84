import { decodeBlob } from './decode-blob.ts';
import type { Job } from './pool.ts';
import { applied } from './prepare.ts';
import { transformOf } from './transforms/recipe.ts';

/** A picture file of a browser, and what to make of it. */
export interface BlobJob extends Job {
  readonly blob: Blob;
  readonly maxPixels: number | undefined;
}

/** Decodes and transforms a picture in this thread, to `[height, width, 3]`. */
export const runBlobJob = async ({ blob, maxPixels, recipe, index }: BlobJob): Promise<Float32Array> =>
  applied(transformOf(recipe), await decodeBlob(blob, { maxPixels }), index);
