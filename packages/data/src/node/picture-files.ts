import { PeftError } from '@peft/core';
import type { PictureDataset } from '../dataset.ts';
import { readPicture } from './decode.ts';

/** A picture on disk. */
export interface PictureFile {
  readonly path: string;
  readonly label: number;
}

/**
 * Pictures on disk as a dataset: each is read when it is asked for.
 *
 * @param describe where a file stands, for errors: after its path, in parentheses
 */
export function pictureFiles<F extends PictureFile>(
  name: string,
  classes: readonly string[],
  files: readonly F[],
  describe: (file: F, index: number) => string,
): PictureDataset {
  const labels = Int32Array.from(files, ({ label }) => label);
  return {
    name,
    size: files.length,
    classes,
    labels: () => labels,
    picture: async index => {
      const file = files[index];
      if (file) return readPicture(file.path, `${file.path} (${describe(file, index)})`);
      throw new PeftError('bad-argument', `${name}: picture ${index} was asked for, of ${files.length}.`);
    },
  };
}
