import { PeftError, type PictureBatch } from '@peft/core';
import type { Dataset } from './dataset.ts';
import { prepare } from './prepare.ts';
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
  /** The number of batches to prepare ahead; by default as many as 64 MB hold, at least 1 and at most 8. */
  readonly prefetch?: number;
}

/** The most bytes of batches that are made ahead; one batch may be more. */
const aheadBytes = 64e6;

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
  return { height, width, read: index => prepare(dataset, transform, index) };
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

/** The batches that are made ahead, of so many bytes each. */
const prefetchOf = (bytes: number): number => Math.min(8, Math.max(1, Math.floor(aheadBytes / bytes)));

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
 * Streams a dataset as batches. While the caller works on one batch, up to `prefetch` more are prepared in turn, in other
 * threads where dataset and transform allow. Leaving the loop, or calling `return()`, stops reading.
 */
export async function* batches(dataset: Dataset, options: BatchOptions): AsyncGenerator<IndexedBatch, void, void> {
  const { batchSize, dropLast = false } = options;
  const order = options.order ?? Int32Array.from({ length: dataset.size }, (_, index) => index);
  checkOptions(dataset, order, batchSize, options.prefetch ?? 0);
  const reader = makeReader(dataset, options.transform);
  const { prefetch = prefetchOf(batchSize * reader.height * reader.width * 12) } = options;
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
