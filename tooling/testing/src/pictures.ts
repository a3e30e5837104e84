import type { BatchSource, HostTensor, PictureBatch } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

export interface PictureOptions {
  /** Batches in an epoch. Default: 4. */
  readonly batches?: number;
  /** Pictures in a batch. Default: 6. */
  readonly batchSize?: number;
  /** Height and width in pixels. Default: 16. */
  readonly side?: number;
  /** How much the channel of its class stands out. Default: 1. */
  readonly contrast?: number;
  /** The amplitude of a wave over all channels. Default: 0.3. */
  readonly noise?: number;
}

/** A source, and any one of its batches. */
export interface PictureSource extends BatchSource<PictureBatch> {
  /** The batch that an epoch has in a place. */
  batch(epoch: number, place: number): PictureBatch;
}

/** Pictures whose class, 0, 1 or 2, is their brightest channel: deterministic, and different in each epoch. */
export function brightestChannel(options: PictureOptions = {}): PictureSource {
  const { batches: length = 4, batchSize = 6, side = 16, contrast = 1, noise = 0.3 } = options;
  const values = side * side * 3;
  const batch = (epoch: number, place: number): PictureBatch => {
    const labels = Int32Array.from({ length: batchSize }, (_, i) => (i + place + epoch) % 3);
    const images = Float32Array.from({ length: batchSize * values }, (_, i) => {
      const bright = i % 3 === labels[Math.floor(i / values)] ? contrast : 0;
      return bright + noise * Math.sin(7 * i + 31 * place + epoch);
    });
    return {
      images: { data: images, shape: [batchSize, side, side, 3] },
      labels: { data: labels, shape: [batchSize] },
    };
  };
  return {
    length,
    size: [side, side],
    batch,
    async *batches(epoch, skip = 0) {
      for (let place = skip; place < length; place++) yield batch(epoch, place);
    },
  };
}

/** A tensor of a batch on the current backend. */
export const tensorOf = ({ data, shape }: HostTensor): tf.Tensor =>
  tf.tensor(data, [...shape], data instanceof Int32Array ? 'int32' : 'float32');
