import { check, type Parameter } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Backbone } from './backbone.ts';
import { dropRate, pristineCount, runSegments } from './segment.ts';

/** A backbone split in two: a frozen part whose output for a picture never changes, and the rest. */
export interface FeatureSplit {
  /** The segment that the features enter: `blocks.10`. */
  readonly name: string;
  /** Pictures `[B, H, W, 3]` to features `[B, ...]`. The caller disposes of them. */
  before(images: tf.Tensor): tf.Tensor;
  /** Features to logits `[B, classes]`. The caller disposes of them. */
  after(features: tf.Tensor): tf.Tensor;
}

/**
 * Splits a backbone below its lowest adapted or trained module, so that a picture's features are computed only once. For a
 * linear head these are the pooled features; for adapters from block 10 on, the input of block 10.
 *
 * @param trained the parameters that training changes
 * @throws PeftError `not-supported` if there is nothing below, or something random
 */
export function splitFeatures(model: Backbone, trained: Iterable<Parameter>): FeatureSplit {
  const segments = model.segments();
  const [first] = segments;
  const count = pristineCount(segments, new Set([...trained].map(({ value }) => value)));
  check(
    count > 0,
    'not-supported',
    () => `No features can be cached: the first part of the backbone, "${first?.name}", is itself adapted.`,
  );
  const entered = segments[count];
  check(entered, 'not-supported', () => 'No features can be cached: nothing of the backbone is adapted or trained.');
  const random = segments.slice(0, count).find(segment => dropRate(segment) > 0);
  check(random === undefined, 'not-supported', () => {
    const rate = random ? dropRate(random) : 0;
    return `Features cannot be cached: ${random?.name}, below all that is adapted, drops paths at a rate of ${rate.toFixed(3)}. Set it to 0.`;
  });
  return {
    name: entered.name,
    before: images => runSegments(segments.slice(0, count), images),
    after: features => tf.tidy(() => model.forwardFrom(count, features)),
  };
}
