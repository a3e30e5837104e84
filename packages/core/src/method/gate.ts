/**
 * Gates of value one at a target, for first-order Taylor importance: the derivative of the loss with respect to a gate
 * estimates how much the loss falls if what the gate multiplies is removed (Molchanov et al. 2017, arXiv 1611.06440).
 */
export interface GateSpec {
  /** The tensor that the gates multiply: the target's `output`, adapters included, or this adapter's `delta`. */
  readonly on: 'output' | 'delta';
  /** The number of equal groups of outputs, each with a gate: attention heads, or 1. */
  readonly groups: number;
}

/**
 * How the derivatives of a pass become scores. With g the derivative of a batch's mean loss, and g_i the part of sample i in
 * it: `batch` sums |g| over the batches, `sample` sums |g_i|, `none` sums g, `square` sums g².
 */
export type Aggregation = 'batch' | 'sample' | 'none' | 'square';

/** By target, one score for each of its gates. */
export type Scores = ReadonlyMap<string, Float64Array>;
