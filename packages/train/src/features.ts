import {
  type BatchSource,
  type CompiledStep,
  check,
  type Engine,
  type HostTensor,
  type PictureBatch,
} from '@peft/core';
import { withScope } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import type { ModelSplit } from './forward.ts';

/** A source of pictures that knows the indices of its batches without reading them. */
export interface OrderedSource extends BatchSource<PictureBatch> {
  readonly batchSize: number;
  /** The class of every picture. */
  readonly labels: Int32Array;
  /** The pictures of an epoch, in order. */
  order(epoch: number): Int32Array;
}

export interface CacheOptions {
  split: ModelSplit;
  engine: Engine;
  /** What to train on. */
  source: OrderedSource;
  /** The same pictures once each, in order, preprocessed for the model. */
  pictures: BatchSource<PictureBatch>;
  /** The limit of memory for the features, in bytes. */
  limit: number;
  /** Called with the number of pictures done. */
  onBatch?: (done: number) => void;
  signal?: AbortSignal;
}

/** The source and split to give a trainer, to train on features. */
export interface CachedFeatures {
  readonly source: BatchSource;
  readonly split: ModelSplit;
  /** The size of the features. */
  readonly bytes: number;
}

/** A part of the model below its split, as a step. */
type FeatureStep = CompiledStep<{ images: tf.Tensor }, { features: tf.Tensor }>;

/**
 * Computes the features of every picture once, and returns a source of them. The losses of training on them equal those of training
 * on the pictures.
 *
 * @throws PeftError `bad-argument` if they would take more memory than the limit, after the first batch
 */
export async function cacheFeatures(options: CacheOptions): Promise<CachedFeatures> {
  const { split, engine, source } = options;
  const step: FeatureStep = engine.compile(({ images }) =>
    withScope({ training: false }, () => ({ features: split.before(images) })),
  );
  try {
    const features = await compute(step, options);
    return { source: featureSource(features, source), split, bytes: source.labels.length * features.size * 4 };
  } finally {
    await step.dispose();
  }
}

/** The features of each picture, of `size` numbers in a shape. */
interface Features {
  readonly values: readonly Float32Array[];
  readonly shape: readonly number[];
  readonly size: number;
}

async function compute(
  step: FeatureStep,
  { source, pictures, limit, onBatch, signal }: CacheOptions,
): Promise<Features> {
  const count = source.labels.length;
  const values: Float32Array[] = [];
  let shape: readonly number[] = [];
  let size = 0;
  for await (const { images, labels } of pictures.batches(0)) {
    signal?.throwIfAborted();
    const { features } = await step.run({ images });
    shape = features.shape.slice(1);
    size = tf.util.sizeFromShape([...shape]);
    const bytes = count * size * 4;
    check(
      bytes <= limit,
      'bad-argument',
      () =>
        `The features of ${count} pictures, [${shape}] each, take ${bytes} bytes, more than the limit of ${limit}. ` +
        'Raise the limit, adapt later blocks only, or train without the cache.',
    );
    const data = features.data as Float32Array;
    for (let i = 0; i < labels.data.length; i++) values.push(data.subarray(i * size, (i + 1) * size));
    onBatch?.(values.length);
  }
  check(values.length === count, 'bad-argument', () => `${values.length} of ${count} pictures were given.`);
  return { values, shape, size };
}

function featureSource({ values, shape, size }: Features, source: OrderedSource): BatchSource {
  const { length, batchSize, labels, order } = source;
  const featuresOf = (indices: Int32Array): HostTensor<Float32Array> => {
    const data = new Float32Array(indices.length * size);
    for (const [place, index] of indices.entries()) {
      const own = values[index];
      check(own, 'bad-argument', () => `There is no picture ${index} of ${values.length} to train on.`);
      data.set(own, place * size);
    }
    return { data, shape: [indices.length, ...shape] };
  };
  return {
    length,
    batchSize,
    size: source.size,
    async *batches(epoch, skip = 0) {
      const all = order(epoch);
      for (let i = skip; i < length; i++) {
        const indices = all.subarray(i * batchSize, (i + 1) * batchSize);
        const classes = { data: indices.map(index => labels[index]!), shape: [indices.length] };
        yield { features: featuresOf(indices), labels: classes };
      }
    },
  };
}
