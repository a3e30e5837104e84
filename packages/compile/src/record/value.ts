import type { DataType } from '@tensorflow/tfjs-core';

/** A graph input. */
export interface Stored {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The graph inputs of a weight `[in, out]` that is kept in 8 bits. */
export interface QuantizedInputs {
  /** Signed bytes `[in, out]`. */
  readonly values: Stored;
  /** Signed bytes `[out, in]`. */
  readonly transposed: Stored;
  /** `[out]` */
  readonly scales: Stored;
}

/**
 * A tensor of a step that is being recorded: a name in the graph.
 *
 * Broadcasts are lazy: `shape` is the shape that TensorFlow.js sees, `held` that of the graph, which broadcasts to `shape`. So a tensor
 * of ones is a single number, and multiplying a gradient by it costs nothing.
 */
export interface Value {
  readonly name: string;
  readonly dtype: DataType;
  readonly shape: number[];
  readonly held: readonly number[];
  /** The number that every element equals, if it is known. */
  readonly uniform?: number;
  /** The graph input in half precision that `name` is widened from. */
  readonly stored?: string;
  /** The graph input with the transpose, of which `name` is the transpose. */
  readonly transposed?: string;
  /** The graph inputs of a weight in 8 bits, which `name` is widened from. */
  readonly quantized?: QuantizedInputs;
}
