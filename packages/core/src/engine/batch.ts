import type { HostTensor } from './engine.ts';

/** The input of a model: normalized pictures `[B, H, W, 3]`, or features `[B, ...]`, the output of its frozen lower part. */
export type ModelInput<T> = { readonly images: T } | { readonly features: T };

/** The classes of a batch, `[B]`. */
export interface BatchLabels {
  readonly labels: HostTensor<Int32Array>;
}

/** Pictures and their classes, outside any backend. */
export type PictureBatch = { readonly images: HostTensor<Float32Array> } & BatchLabels;

/** The input of a model and the classes, outside any backend. */
export type Batch = ModelInput<HostTensor<Float32Array>> & BatchLabels;

/** A source of batches. An epoch has the same batches in the same order each time it is asked for. */
export interface BatchSource<B extends Batch = Batch> {
  /** Batches in an epoch. */
  readonly length: number;
  /** `[height, width]` of the pictures, in pixels. */
  readonly size: readonly [number, number];
  /** Pictures in a batch; if given, recorded in checkpoints. */
  readonly batchSize?: number;
  /** The batches of an epoch from `skip` on. */
  batches(epoch: number, skip?: number): AsyncIterable<B>;
}
