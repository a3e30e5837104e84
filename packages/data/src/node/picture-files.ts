import { PeftError } from '@peft/core';
import type { LeftOut, PictureDataset } from '../dataset.ts';
import { Refused } from '../refused.ts';
import { type DecodeOptions, readPicture } from './decode.ts';

/** A picture on disk. */
export interface PictureFile {
  readonly path: string;
  readonly label: number;
}

interface PictureFiles<F extends PictureFile> extends DecodeOptions {
  readonly name: string;
  readonly classes: readonly string[];
  readonly numbered?: boolean;
  readonly files: readonly F[];
  readonly leftOut?: readonly LeftOut[];
  /** Where a file stands, for errors: after its path, in parentheses. */
  readonly describe: (file: F, index: number) => string;
}

/** Pictures on disk as a dataset: each is read when it is asked for. */
export function pictureFiles<F extends PictureFile>(options: PictureFiles<F>): PictureDataset {
  const { name, classes, numbered, files, leftOut, describe, maxPixels } = options;
  const labels = Int32Array.from(files, ({ label }) => label);
  const fileAt = (index: number): F => {
    const file = files[index];
    if (file) return file;
    throw new PeftError('bad-argument', `${name}: picture ${index} was asked for, of ${files.length}.`);
  };
  return {
    name,
    size: files.length,
    classes,
    numbered,
    leftOut,
    labels: () => labels,
    async picture(index) {
      const file = fileAt(index);
      try {
        return await readPicture(file.path, `${file.path} (${describe(file, index)})`, { maxPixels });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const hint = 'Or leave out what is broken, with skipBroken (--skip-broken).';
        throw new PeftError(error.code, `${error.message} ${hint}`, { cause: error });
      }
    },
    async inspect(index) {
      const { path } = fileAt(index);
      try {
        await readPicture(path, path, { maxPixels });
        return undefined;
      } catch (error) {
        if (error instanceof Refused) return { path, reason: error.reason };
        throw error;
      }
    },
  };
}
