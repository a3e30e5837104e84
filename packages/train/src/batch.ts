/** Pictures and their classes, outside any backend. */
export interface Batch {
  /** `[B, height, width, 3]`, row-major, normalized. */
  readonly images: Float32Array;
  /** `[B]` */
  readonly labels: Int32Array;
}

/** Where batches come from: the same ones, in the same order, each time an epoch is asked for. */
export interface BatchSource {
  /** Batches in an epoch. */
  readonly length: number;
  /** `[height, width]` of the pictures. */
  readonly size: readonly [number, number];
  /** Pictures in a batch. A checkpoint records it, where it is given. */
  readonly batchSize?: number;
  /** The batches of an epoch from `skip` on. */
  batches(epoch: number, skip?: number): AsyncIterable<Batch>;
}
