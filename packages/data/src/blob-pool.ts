import { type BlobJob, runBlobJob } from './blob-job.ts';
import type { Preparation } from './dataset.ts';
import type { DecodeBlobOptions } from './decode-blob.ts';
import { Pool, type Thread } from './pool.ts';

/** The part of a browser's `Worker` that is used. */
export interface PictureWorker {
  postMessage(message: unknown): void;
  addEventListener(type: 'message' | 'messageerror', listener: (event: { data: never }) => void): void;
  addEventListener(type: 'error', listener: (event: { message: string }) => void): void;
  terminate(): void;
}

const threadOf = (worker: PictureWorker): Thread<BlobJob> => ({
  post: job => worker.postMessage(job),
  listen(reply, fail) {
    worker.addEventListener('message', ({ data }) => reply(data));
    worker.addEventListener('messageerror', () => fail(new Error('A reply of the worker could not be read.')));
    worker.addEventListener('error', ({ message }) => fail(new Error(message || 'The worker could not be loaded.')));
  },
  hold: () => {}, // a page outlives its workers
  end: () => worker.terminate(),
});

/** Decodes and transforms pictures of a page in its workers, for `prepared` of a dataset. */
export interface BlobPool {
  /** @returns `[height, width, 3]`, as {@link decodeBlob} and the transform give it in this thread */
  prepare(blob: Blob, preparation: Preparation, options?: DecodeBlobOptions): Promise<Float32Array>;
}

/**
 * Workers that decode and transform pictures ahead of a step, each one picture at a time. They are started when there is work and
 * end ten seconds after the last; where one cannot be started, this thread does its work.
 *
 * @param makeWorker makes a module worker that imports `@peft/data/worker`
 * @param threads how many at most
 */
export function blobPool(makeWorker: () => PictureWorker, threads: number): BlobPool {
  const pool = new Pool<BlobJob>({ threads, start: () => threadOf(makeWorker()), runHere: runBlobJob });
  return {
    prepare: (blob, preparation, { maxPixels } = {}) => {
      const source = blob instanceof File ? blob.name : 'a picture';
      return pool.run({ blob, source, maxPixels, ...preparation });
    },
  };
}
