/** Pictures and their classes, in host memory. */
export interface Batch {
  /** `[B, height, width, 3]`, row-major, normalized. */
  readonly images: Float32Array;
  /** `[B]` */
  readonly labels: Int32Array;
}

/** A source of batches. An epoch has the same batches in the same order each time it is asked for. */
export interface BatchSource {
  /** Batches in an epoch. */
  readonly length: number;
  /** `[height, width]` of the pictures. */
  readonly size: readonly [number, number];
  /** Pictures in a batch; if given, recorded in checkpoints. */
  readonly batchSize?: number;
  /** The batches of an epoch from `skip` on. */
  batches(epoch: number, skip?: number): AsyncIterable<Batch>;
}
