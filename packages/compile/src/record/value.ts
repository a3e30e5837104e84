import type { DataType } from '@tensorflow/tfjs-core';

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
}
