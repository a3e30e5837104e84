import type { QuantizedSource } from '../quantized/quantized.ts';

/** A tensor as it stands in a file: raw little-endian bytes, row-major. */
export interface StoredTensor {
  /** A {@link StoredDtype}, or another that cannot be read. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  /**
   * Where `bytes` is a new array, read or made, each time that it is asked for: gives such an array without holding up the
   * thread.
   */
  read?(): Promise<Uint8Array>;
  /** The 8 bits that the numbers of a weight come from, if a file keeps it so. */
  readonly quantized?: QuantizedSource;
}
