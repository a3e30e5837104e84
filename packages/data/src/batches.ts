import { PeftError, type PictureBatch } from '@peft/core';
import type { Dataset } from './dataset.ts';
import type { Picture } from './picture.ts';
import type { Transform } from './transform.ts';

/** A batch of a dataset: pictures `[B, H, W, 3]`, their classes, and where they are in the dataset. */
export type IndexedBatch = PictureBatch & {
  /** `[B]` */
  readonly indices: Int32Array;
};

export interface BatchOptions {
  readonly batchSize: number;
  /** The indices of the pictures to read, in order; all by default. */
  readonly order?: Int32Array;
  /** Needed unless the dataset is preprocessed already. */
  readonly transform?: Transform;
  /** Drops the last batch if it is not full; default false. */
  readonly dropLast?: boolean;
  /** The number of batches to prepare ahead; default 1. */
  readonly prefetch?: number;
}

/** The number of pictures of a batch that are read concurrently: few, as each may be large. */
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

async function readBatch(
  reader: Reader,
  indices: Int32Array,
  all: Int32Array,
  stop: AbortSignal,
): Promise<IndexedBatch> {
  const length = reader.height * reader.width * 3;
  const images = new Float32Array(indices.length * length);
  const places = indices.entries(); // shared: each reader takes the next place
  let failed = false;
  const work = async (): Promise<void> => {
    for (const [place, index] of places) {
      if (failed || stop.aborted) return;
      try {
        images.set(await reader.read(index), place * length);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: readers }, work));
  return {
    images: { data: images, shape: [indices.length, reader.height, reader.width, 3] },
    labels: { data: indices.map(index => all[index]!), shape: [indices.length] },
    indices,
  };
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
 * Streams a dataset as batches. While the caller works on one batch, up to `prefetch` more are prepared in turn. Leaving the
 * loop, or calling `return()`, stops reading.
 */
export async function* batches(dataset: Dataset, options: BatchOptions): AsyncGenerator<IndexedBatch, void, void> {
  const { batchSize, dropLast = false, prefetch = 1 } = options;
  const order = options.order ?? Int32Array.from({ length: dataset.size }, (_, index) => index);
  checkOptions(dataset, order, batchSize, prefetch);
  const reader = makeReader(dataset, options.transform);
  const labels = dataset.labels();
  const end = dropLast ? order.length - (order.length % batchSize) : order.length;
  const stop = new AbortController();
  const ready: Promise<IndexedBatch>[] = [];
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
