import { PeftError } from '@peft/core';
import type { PictureDataset } from './dataset.ts';
import type { Picture } from './picture.ts';
import type { Transform } from './transform.ts';

/** A transform refused a picture, which the error does not name. */
export class TransformFailed extends PeftError {}

/** The floats of a picture. @throws TransformFailed where the transform throws a `PeftError` */
export function applied(transform: Transform, picture: Picture, index: number): Float32Array {
  try {
    return transform.apply(picture, index);
  } catch (error) {
    if (!(error instanceof PeftError)) throw error;
    throw new TransformFailed(error.code, error.message, { cause: error });
  }
}

/**
 * Reads and transforms a picture of a dataset, elsewhere where both know how.
 *
 * @returns `[height, width, 3]`
 */
export async function prepare(dataset: PictureDataset, transform: Transform, index: number): Promise<Float32Array> {
  const { recipe } = transform;
  try {
    return recipe && dataset.prepared
      ? await dataset.prepared(index, { recipe, index })
      : applied(transform, await dataset.picture(index), index);
  } catch (error) {
    if (!(error instanceof TransformFailed)) throw error;
    throw new PeftError(error.code, `${dataset.name}, picture ${index}: ${error.message}`, { cause: error.cause });
  }
}
