import { fold, key } from '@peft/core';
import { drawPermutation } from '@peft/core/engine';
import { type Batch, batches } from './batches.ts';
import type { Dataset } from './dataset.ts';
import type { Preprocessing, Transform } from './preprocessing.ts';
import { evalTransform } from './transforms/eval.ts';
import { flipCropTransform } from './transforms/flip-crop.ts';

/** The batches of each epoch: what a trainer takes. */
export interface DatasetSource {
  /** Batches in an epoch. */
  readonly length: number;
  /** `[height, width]` of the pictures, in pixels. */
  readonly size: readonly [number, number];
  readonly batchSize: number;
  /** The class of each picture, in the order of the dataset. */
  readonly labels: Int32Array;
  /** The pictures of an epoch, by their place in the dataset. */
  order(epoch: number): Int32Array;
  /** The batches of an epoch from `skip` on. */
  batches(epoch: number, skip?: number): AsyncIterable<Batch>;
}

export interface BatchSourceOptions {
  /** Pictures in a batch, 32 unless given; no more than there are. */
  batch?: number;
  /** Of order and augmentation; 0 unless given. */
  seed?: number;
  /** Whether each epoch has an order of its own; yes unless given. */
  shuffle?: boolean;
  /** Whether a last batch with fewer pictures is left out; yes unless given. */
  dropLast?: boolean;
  /** `none` unless given. */
  augment?: 'none' | 'flip-crop';
}

/** Bytes of floats that may be kept. */
const keptBytes = 1.5e9;

/** The pictures as a transform without chance gives them: read and transformed when first asked for, and kept if all fit. */
function still(dataset: Dataset, transform: Transform): Dataset {
  const { height, width } = transform;
  if (dataset.preprocessed || dataset.size * height * width * 12 > keptBytes) return dataset;
  const { name, size, classes } = dataset;
  const known = new Map<number, Float32Array>();
  return {
    name,
    size,
    classes,
    labels: () => dataset.labels(),
    preprocessed: true,
    height,
    width,
    async tensor(index) {
      const values = known.get(index) ?? transform.apply(await dataset.picture(index), index);
      known.set(index, values);
      return values;
    },
  };
}

/**
 * A dataset as the batches of each epoch. Order and augmentation are functions of the seed and the epoch, so that a run can go
 * on where it was stopped.
 */
export function batchSource(
  dataset: Dataset,
  preprocessing: Preprocessing,
  { batch = 32, seed = 0, shuffle = true, dropLast = true, augment = 'none' }: BatchSourceOptions = {},
): DatasetSource {
  const transform = evalTransform(preprocessing);
  const stills = augment === 'none' ? still(dataset, transform) : dataset;
  const random = fold(key(seed), 'data');
  const batchSize = Math.min(batch, dataset.size);
  const order = (epoch: number): Int32Array =>
    shuffle
      ? drawPermutation(fold(fold(random, epoch), 'order'), dataset.size)
      : Int32Array.from({ length: dataset.size }, (_, i) => i);
  const transformIn = (epoch: number): Transform =>
    augment === 'none' ? transform : flipCropTransform(preprocessing, fold(fold(random, epoch), 'augment'));
  return {
    length: dropLast ? Math.floor(dataset.size / batchSize) : Math.ceil(dataset.size / batchSize),
    size: dataset.preprocessed ? [dataset.height, dataset.width] : [transform.height, transform.width],
    batchSize,
    labels: dataset.labels(),
    order,
    batches: (epoch, skip = 0) =>
      batches(stills, {
        batchSize,
        order: order(epoch).subarray(skip * batchSize),
        transform: transformIn(epoch),
        dropLast,
      }),
  };
}
