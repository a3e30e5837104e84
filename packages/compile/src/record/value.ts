import type { DataType } from '@tensorflow/tfjs-core';

/**
 * A tensor of a step that is being recorded: a name in the graph.
 *
 * Broadcasts are lazy: `shape` is what TensorFlow.js sees, `held` what the graph holds, which broadcasts to `shape`.
 * So a tensor of ones is one number, and a gradient multiplied by it stays itself.
 */
export interface Value {
  readonly name: string;
  readonly dtype: DataType;
  readonly shape: number[];
  readonly held: readonly number[];
  /** The number that every element equals, where it is known. */
  readonly uniform?: number;
  /** The graph input that holds it in half precision; `name` is that, widened. */
  readonly stored?: string;
  /** The graph input that holds its transpose; `name` is that, transposed. */
  readonly transposed?: string;
}
