import type { Job } from '../pool.ts';
import { applied } from '../prepare.ts';
import { transformOf } from '../transforms/recipe.ts';
import { readPicture } from './decode.ts';

/** A picture file, and what to make of it. */
export interface FileJob extends Job {
  readonly path: string;
  readonly maxPixels: number | undefined;
}

/** Reads, decodes and transforms a picture in this thread, to `[height, width, 3]`. */
export const runJob = async ({ path, source, maxPixels, recipe, index }: FileJob): Promise<Float32Array> =>
  applied(transformOf(recipe), await readPicture(path, source, { maxPixels }), index);
