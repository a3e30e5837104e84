import { stat } from 'node:fs/promises';
import { PeftError } from '@peft/core';
import { type LeftOut, noPicture, type PictureDataset } from '../dataset.ts';
import { digestOf, hashedBytes } from '../dataset-hash.ts';
import { Refused } from '../refused.ts';
import { type DecodeOptions, readPicture } from './decode.ts';
import { readHead } from './files.ts';
import { checkWorkers, prepareFile } from './workers.ts';

/** How picture files are read. */
export interface ReadOptions extends DecodeOptions {
  /**
   * Threads that decode and transform pictures for batches, each one picture at a time; by default one a processor, up to 4, as
   * batches ask for no more at once. 0 does it in this thread.
   */
  readonly workers?: number;
}

interface PictureFiles extends ReadOptions {
  readonly name: string;
  readonly classes: readonly string[];
  readonly numbered?: boolean;
  /** The class of each file. */
  readonly labels: Int32Array;
  readonly leftOut?: readonly LeftOut[];
  /** Undefined beyond the last. */
  readonly pathOf: (index: number) => string | undefined;
  /** The place of a file for errors, in parentheses after its path. */
  readonly describe: (index: number) => string;
}

/** Says of a picture that cannot be decoded what else can be done. */
async function hinting<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const hint = 'Or leave out what is broken, with skipBroken (--skip-broken).';
    throw new PeftError(error.code, `${error.message} ${hint}`, { cause: error });
  }
}

/** Pictures on disk as a dataset: each is read when it is asked for. */
export function pictureFiles(options: PictureFiles): PictureDataset {
  const { name, classes, numbered, labels, leftOut, describe, maxPixels, workers } = options;
  checkWorkers(workers);
  const pathOf = (index: number): string => {
    const path = options.pathOf(index);
    if (path === undefined) throw noPicture({ name, size: labels.length }, index);
    return path;
  };
  const sourceOf = (index: number): string => `${pathOf(index)} (${describe(index)})`;
  return {
    name,
    size: labels.length,
    classes,
    numbered,
    leftOut,
    labels: () => labels,
    picture: async index => hinting(readPicture(pathOf(index), sourceOf(index), { maxPixels })),
    prepared: async (index, how) =>
      hinting(prepareFile({ path: pathOf(index), source: sourceOf(index), maxPixels, ...how }, workers)),
    async digest(index) {
      const path = pathOf(index);
      return digestOf(await readHead(path, hashedBytes), (await stat(path)).size);
    },
    async inspect(index) {
      const path = pathOf(index);
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
