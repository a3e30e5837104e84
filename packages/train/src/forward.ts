import { type Batch, check, type HostTensor, type ModelInput } from '@peft/core';
import type * as tf from '@tensorflow/tfjs-core';

/** A model, adapted or not. */
export interface Callable {
  call(images: tf.Tensor): tf.Tensor;
}

/** A model cut above its frozen, unadapted part; `splitFeatures` of `@peft/backbones` makes one. */
export interface ModelSplit {
  /** Pictures `[B, H, W, 3]` to features `[B, ...]`. */
  before(images: tf.Tensor): tf.Tensor;
  /** Features to logits `[B, C]`. */
  after(features: tf.Tensor): tf.Tensor;
}

/** The logits `[B, C]` of pictures; of features too, if the model is split. */
export const forwardOf =
  (model: Callable, split?: ModelSplit) =>
  (input: ModelInput<tf.Tensor>): tf.Tensor => {
    if ('images' in input) return model.call(input.images);
    check(split, 'bad-argument', () => 'The batches hold features: give the split of the model that made them.');
    return split.after(input.features);
  };

/** What the model takes of a batch. */
export const inputOf = (batch: Batch): ModelInput<HostTensor<Float32Array>> =>
  'images' in batch ? { images: batch.images } : { features: batch.features };
