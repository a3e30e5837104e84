import { type BatchSource, fold, key, type Preprocessing } from '@peft/core';
import { drawPermutation } from '@peft/core/engine';
import { batches, type IndexedBatch } from './batches.ts';
import type { Dataset } from './dataset.ts';
import { prepare } from './prepare.ts';
import type { Transform } from './transform.ts';
import { evalTransform } from './transforms/eval.ts';
import { flipCropTransform } from './transforms/flip-crop.ts';

/** The batches of each epoch, as a trainer takes them. */
export interface DatasetSource extends BatchSource<IndexedBatch> {
  readonly batchSize: number;
  /** The class of each picture, in the order of the dataset. */
  readonly labels: Int32Array;
  /** The dataset indices of an epoch's pictures, in order. */
  order(epoch: number): Int32Array;
}

export interface BatchSourceOptions {
  /** Pictures in a batch; default 32, at most the size of the dataset. */
  batch?: number;
  /** Seeds order and augmentation; default 0. */
  seed?: number;
  /** Whether each epoch has a new order; default true. */
  shuffle?: boolean;
  /** Whether to drop the last batch if it is not full; default true. */
  dropLast?: boolean;
  /** Default `none`. */
  augment?: 'none' | 'flip-crop';
}

/** The most bytes of floats that are cached. */
const keptBytes = 1.5e9;

/** Caches the results of a deterministic transform: each picture is read and transformed once, if all fit in memory. */
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
      const values = known.get(index) ?? (await prepare(dataset, transform, index));
      known.set(index, values);
      return values;
    },
  };
}

/**
 * Makes batches of a dataset for each epoch. Order and augmentation depend on seed and epoch alone, so a run can resume in the
 * middle of an epoch.
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
