import { fold, key } from '@peft/core';
import {
  blobPool,
  type Dataset,
  decodeBlob,
  digestOf,
  hashedBytes,
  type PictureDataset,
  stratifiedSplit,
  subset,
} from '@peft/data';
import type { LabeledPicture, LabeledPictures, Part } from './protocol.ts';

/** So many read faster than any step here trains; a step takes the other processors. */
const readers = 2;

/** Workers that prepare pictures while a step is computed. */
const pool = blobPool(
  () => new Worker(new URL('./pictures.worker.ts', import.meta.url), { type: 'module', name: 'pictures' }),
  readers,
);

function pictureDataset({ classes, pictures }: LabeledPictures): PictureDataset {
  const labels = Int32Array.from(pictures, ({ label }) => label);
  const at = (index: number): LabeledPicture => {
    const picture = pictures[index];
    if (picture) return picture;
    throw new RangeError(`There is no picture ${index} of ${pictures.length}.`);
  };
  return {
    name: 'your pictures',
    size: pictures.length,
    classes,
    labels: () => labels,
    picture: async index => decodeBlob(at(index).blob),
    prepared: async (index, how) => pool.prepare(at(index).blob, how),
    async digest(index) {
      const { blob } = at(index);
      return digestOf(new Uint8Array(await blob.slice(0, hashedBytes).arrayBuffer()), blob.size);
    },
  };
}

/** The part of each class that is drawn where no picture is given for it. */
const fractions = { test: 0.2, val: 0.1 } as const;

/** Draws a part of each class from the pictures whose part is open. */
function draw(
  pictures: readonly LabeledPicture[],
  parts: (Part | undefined)[],
  wanted: keyof typeof fractions,
  seed: number,
): void {
  if (parts.includes(wanted)) return;
  const open = parts.flatMap((part, i) => (part === undefined ? [i] : []));
  const labels = Int32Array.from(open, i => pictures[i]!.label);
  const { held } = stratifiedSplit(labels, fractions[wanted], fold(key(seed), wanted));
  for (const i of held) parts[open[i]!] = wanted;
}

/**
 * What each picture is for. Where no picture is for testing, a fifth of each class is drawn for it, and of the rest a tenth for
 * validation, by the seed.
 */
export function partsOf(pictures: readonly LabeledPicture[], seed: number): Part[] {
  const parts: (Part | undefined)[] = pictures.map(({ part }) => part);
  draw(pictures, parts, 'test', seed);
  draw(pictures, parts, 'val', seed);
  return parts.map(part => part ?? 'train');
}

export interface Datasets {
  readonly parts: readonly Part[];
  readonly train: Dataset;
  readonly val: Dataset;
  readonly test: Dataset;
}

/** The user's pictures as datasets that decode each picture when it is read. */
export function datasetsOf(job: LabeledPictures, seed: number): Datasets {
  const parts = partsOf(job.pictures, seed);
  const whole = pictureDataset(job);
  const of = (wanted: Part): Dataset => {
    const indices = Int32Array.from(parts.flatMap((part, i) => (part === wanted ? [i] : [])));
    return subset(whole, indices, `${whole.name} (${wanted})`);
  };
  return { parts, train: of('train'), val: of('val'), test: of('test') };
}
