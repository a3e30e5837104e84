import { type CompiledStep, check, type Engine, type Step } from '@peft/core';
import { withScope } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import type { Batch, BatchSource } from './batch.ts';
import { batchInputs } from './evaluate.ts';

/** A model split above its frozen, unadapted part; `splitFeatures` of `@peft/backbones` makes one. */
export interface ModelSplit {
  /** Pictures `[B, H, W, 3]` to features `[B, ...]`. */
  before(images: tf.Tensor): tf.Tensor;
  /** Runs `body` with a model that takes features instead of pictures. */
  after<T>(body: () => T): T;
}

/** A source that knows the indices of its batches without reading pictures. */
export interface OrderedSource extends BatchSource {
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
  pictures: BatchSource;
  /** The limit of memory for the features, in bytes. */
  limit: number;
  /** Called with the number of pictures done. */
  onBatch?: (done: number) => void;
  signal?: AbortSignal;
}

/** The engine and source to give a trainer instead, to train on features. */
export interface CachedFeatures {
  readonly engine: Engine;
  readonly source: BatchSource;
  /** The size of the features. */
  readonly bytes: number;
}

/**
 * Computes the features of every picture once, and returns an engine and a source that train on them. The losses equal those of
 * training on the pictures.
 *
 * @throws PeftError `bad-argument` if they would take more memory than the limit, after the first batch
 */
export async function cacheFeatures(options: CacheOptions): Promise<CachedFeatures> {
  const { split, engine, source, pictures, limit, onBatch, signal } = options;
  const step = engine.compile(({ images }) =>
    withScope({ training: false }, () => ({ features: split.before(images) })),
  );
  try {
    const { values, shape } = await compute(step, pictures, source.labels.length, limit, { onBatch, signal });
    return {
      engine: { ...bound(engine), compile: step => engine.compile(fromFeatures(step, split, shape)) },
      source: featureSource(values, shape, source),
      bytes: source.labels.length * sizeOf(shape) * 4,
    };
  } finally {
    await step.dispose();
  }
}

const sizeOf = (shape: readonly number[]): number => tf.util.sizeFromShape([...shape]);

/** The engine's methods, wherever they are called from. */
const bound = (engine: Engine): Engine => ({
  name: engine.name,
  compile: step => engine.compile(step),
  sync: () => engine.sync(),
  invalidate: () => engine.invalidate(),
  dispose: () => engine.dispose(),
});

/** `[N, D]` as a picture: height and width, with the rest as channels. */
const gridOf = (shape: readonly number[]): readonly [height: number, width: number] => [
  shape.length > 1 ? shape[0] : 1,
  shape.length > 2 ? shape[1] : 1,
];

const fromFeatures =
  (step: Step, split: ModelSplit, shape: readonly number[]): Step =>
  ({ images, ...rest }) => {
    const features = images && { images: tf.reshape(images, [images.shape[0], ...shape]) };
    return split.after(() => step({ ...rest, ...features }));
  };

/** Runs all pictures through the step; gives an array for each, and the shape of one. */
async function compute(
  step: CompiledStep,
  pictures: BatchSource,
  count: number,
  limit: number,
  { onBatch, signal }: Pick<CacheOptions, 'onBatch' | 'signal'>,
): Promise<{ values: Float32Array[]; shape: readonly number[] }> {
  const values: Float32Array[] = [];
  let shape: readonly number[] = [];
  for await (const batch of pictures.batches(0)) {
    signal?.throwIfAborted();
    const { images } = batchInputs(batch, pictures.size);
    const { features } = await step.run({ images });
    shape = features.shape.slice(1);
    const size = sizeOf(shape);
    const bytes = count * size * 4;
    check(
      bytes <= limit,
      'bad-argument',
      () =>
        `The features of ${count} pictures, [${shape}] each, take ${bytes} bytes, more than the limit of ${limit}. ` +
        'Raise the limit, adapt later blocks only, or train without the cache.',
    );
    const data = features.data as Float32Array;
    for (let i = 0; i < batch.labels.length; i++) values.push(data.subarray(i * size, (i + 1) * size));
    onBatch?.(values.length);
  }
  check(values.length === count, 'bad-argument', () => `${values.length} of ${count} pictures were given.`);
  return { values, shape };
}

function featureSource(
  values: readonly Float32Array[],
  shape: readonly number[],
  { length, batchSize, labels, order }: OrderedSource,
): BatchSource {
  const size = sizeOf(shape);
  const batchOf = (indices: Int32Array): Batch => {
    const images = new Float32Array(indices.length * size);
    for (const [place, index] of indices.entries()) images.set(values[index], place * size);
    return { images, labels: indices.map(index => labels[index]) };
  };
  return {
    length,
    batchSize,
    size: gridOf(shape),
    async *batches(epoch, skip = 0) {
      const indices = order(epoch);
      for (let i = skip; i < length; i++) yield batchOf(indices.subarray(i * batchSize, (i + 1) * batchSize));
    },
  };
}
