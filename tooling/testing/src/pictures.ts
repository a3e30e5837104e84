/** Pictures and their classes: what `Batch` of `@peft/train` is. */
export interface PictureBatch {
  /** `[B, side, side, 3]` */
  readonly images: Float32Array;
  /** `[B]`, each 0, 1 or 2. */
  readonly labels: Int32Array;
}

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

/** Batches of an epoch, as `BatchSource` of `@peft/train`, and any one of them. */
export interface PictureSource {
  readonly length: number;
  readonly size: readonly [number, number];
  batches(epoch: number, skip?: number): AsyncIterable<PictureBatch>;
  /** The batch that an epoch has in a place. */
  batch(epoch: number, place: number): PictureBatch;
}

/** Pictures whose class is their brightest channel: deterministic, and different in each epoch. */
export function brightestChannel(options: PictureOptions = {}): PictureSource {
  const { batches: length = 4, batchSize = 6, side = 16, contrast = 1, noise = 0.3 } = options;
  const values = side * side * 3;
  const batch = (epoch: number, place: number): PictureBatch => {
    const labels = Int32Array.from({ length: batchSize }, (_, i) => (i + place + epoch) % 3);
    const images = Float32Array.from({ length: batchSize * values }, (_, i) => {
      const bright = i % 3 === labels[Math.floor(i / values)] ? contrast : 0;
      return bright + noise * Math.sin(7 * i + 31 * place + epoch);
    });
    return { images, labels };
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
