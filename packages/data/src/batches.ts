import { PeftError } from '@peft/core';
import type { Dataset } from './dataset.ts';
import type { Picture } from './picture.ts';
import type { Transform } from './preprocessing.ts';

/** Pictures as one block of floats. */
export interface Batch {
  /** `[B, H, W, 3]` */
  readonly images: Float32Array;
  readonly shape: readonly [batch: number, height: number, width: number, channels: 3];
  /** `[B]` */
  readonly labels: Int32Array;
  /** Which pictures of the dataset these are, `[B]`. */
  readonly indices: Int32Array;
}

export interface BatchOptions {
  readonly batchSize: number;
  /** The pictures to read, in order, by default all of them as they come. */
  readonly order?: Int32Array;
  /** Needed unless the dataset is already preprocessed, and then not used. */
  readonly transform?: Transform;
  /** Leaves out a last batch that is not full; default false. */
  readonly dropLast?: boolean;
  /** How many batches may be ready or in the making while the caller works on one; default 1. */
  readonly prefetch?: number;
}

/** Pictures of a batch that are read at the same time; each may be large, so there are few. */
const readers = 4;

interface Reader {
  readonly height: number;
  readonly width: number;
  read(index: number): Promise<Float32Array>;
}

function makeReader(dataset: Dataset, transform: Transform | undefined): Reader {
  if (dataset.preprocessed)
    return { height: dataset.height, width: dataset.width, read: index => dataset.tensor(index) };
  if (!transform) {
    throw new PeftError(
      'bad-argument',
      `batches: ${dataset.name} holds pictures; give a transform to make floats of them.`,
    );
  }
  const { height, width } = transform;
  const apply = (picture: Picture, index: number): Float32Array => {
    try {
      return transform.apply(picture, index);
    } catch (error) {
      if (!(error instanceof PeftError)) throw error;
      throw new PeftError(error.code, `${dataset.name}, picture ${index}: ${error.message}`, { cause: error });
    }
  };
  return { height, width, read: async index => apply(await dataset.picture(index), index) };
}

async function readBatch(reader: Reader, indices: Int32Array, all: Int32Array, stop: AbortSignal): Promise<Batch> {
  const shape = [indices.length, reader.height, reader.width, 3] as const;
  const length = reader.height * reader.width * 3;
  const images = new Float32Array(indices.length * length);
  let next = 0;
  let failed = false;
  const work = async (): Promise<void> => {
    while (next < indices.length && !failed && !stop.aborted) {
      const place = next++;
      try {
        images.set(await reader.read(indices[place]), place * length);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: readers }, work));
  return { images, shape, labels: indices.map(index => all[index]), indices };
}

function checkOptions(dataset: Dataset, order: Int32Array, batchSize: number, prefetch: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1 || !Number.isInteger(prefetch) || prefetch < 0) {
    throw new PeftError('bad-argument', `batches: batchSize ${batchSize} and prefetch ${prefetch} must be counts.`);
  }
  const outside = order.find(index => index < 0 || index >= dataset.size);
  if (outside !== undefined) {
    throw new PeftError(
      'bad-argument',
      `batches: order names picture ${outside}, but ${dataset.name} has ${dataset.size}.`,
    );
  }
}

/**
 * A dataset as a stream of batches. While the caller works on one, the next are read and transformed, one after another
 * and at most `prefetch` of them. Leaving the loop, or calling `return()`, stops reading.
 */
export async function* batches(dataset: Dataset, options: BatchOptions): AsyncGenerator<Batch, void, void> {
  const { batchSize, dropLast = false, prefetch = 1 } = options;
  const order = options.order ?? Int32Array.from({ length: dataset.size }, (_, index) => index);
  checkOptions(dataset, order, batchSize, prefetch);
  const reader = makeReader(dataset, options.transform);
  const labels = dataset.labels();
  const end = dropLast ? order.length - (order.length % batchSize) : order.length;
  const stop = new AbortController();
  const ready: Promise<Batch>[] = [];
  let start = 0;
  let last: Promise<unknown> = Promise.resolve();
  const enqueue = (): void => {
    const indices = order.slice(start, Math.min(end, start + batchSize));
    start += batchSize;
    const batch = last.then(() => readBatch(reader, indices, labels, stop.signal));
    batch.catch(() => {}); // thrown where the batch is awaited; until then it is not unhandled
    last = batch;
    ready.push(batch);
  };
  try {
    while (start < end || ready.length > 0) {
      while (start < end && ready.length <= prefetch) enqueue();
      yield await ready.shift()!;
    }
  } finally {
    stop.abort();
    await Promise.allSettled(ready);
  }
}
