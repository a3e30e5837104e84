import { drawPermutation, fold, key } from '@peft/core';
import {
  batches,
  type Dataset,
  evalTransform,
  flipCropTransform,
  type Preprocessing,
  type Transform,
} from '@peft/data';
import type { OrderedSource } from '@peft/train';

/** Floats that may be kept, so that pictures are decoded and resized once if they all fit. */
const cacheBytes = 1.5e9;

/** Keeps what a transform without chance gives, as long as there is room. */
function cached(transform: Transform, size: number): Transform {
  if (size * transform.height * transform.width * 12 > cacheBytes) return transform;
  const known = new Map<number, Float32Array>();
  return {
    ...transform,
    apply(picture, index) {
      const values = known.get(index) ?? transform.apply(picture, index);
      known.set(index, values);
      return values;
    },
  };
}

export interface SourceOptions {
  batch: number;
  seed: number;
  shuffle: boolean;
  dropLast: boolean;
  augment: 'none' | 'flip-crop';
}

/** A dataset as the batches of each epoch: order and augmentation are functions of the seed and the epoch. */
export function batchSource(dataset: Dataset, preprocessing: Preprocessing, options: SourceOptions): OrderedSource {
  const { batch, seed, shuffle, dropLast, augment } = options;
  const still = cached(evalTransform(preprocessing), dataset.size);
  const random = fold(key(seed), 'data');
  const batchSize = Math.min(batch, dataset.size);
  const order = (epoch: number): Int32Array =>
    shuffle
      ? drawPermutation(fold(fold(random, epoch), 'order'), dataset.size)
      : Int32Array.from({ length: dataset.size }, (_, i) => i);
  return {
    length: dropLast ? Math.floor(dataset.size / batchSize) : Math.ceil(dataset.size / batchSize),
    size: dataset.preprocessed ? [dataset.height, dataset.width] : [still.height, still.width],
    batchSize,
    labels: dataset.labels(),
    order,
    batches(epoch, skip = 0) {
      const transform =
        augment === 'flip-crop' ? flipCropTransform(preprocessing, fold(fold(random, epoch), 'augment')) : still;
      return batches(dataset, { batchSize, order: order(epoch).subarray(skip * batchSize), transform, dropLast });
    },
  };
}
