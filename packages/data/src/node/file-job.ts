import type { Preparation } from '../dataset.ts';
import { applied } from '../prepare.ts';
import { transformOf } from '../transforms/recipe.ts';
import { readPicture } from './decode.ts';

/** A picture file, and what to make of it. Plain data: it goes to other threads. */
export interface FileJob extends Preparation {
  readonly path: string;
  /** What to call the picture in errors. */
  readonly source: string;
  readonly maxPixels: number | undefined;
}

/** Reads, decodes and transforms a picture in this thread, to `[height, width, 3]`. */
export const runJob = async ({ path, source, maxPixels, recipe, index }: FileJob): Promise<Float32Array> =>
  applied(transformOf(recipe), await readPicture(path, source, { maxPixels }), index);
