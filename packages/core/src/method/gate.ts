/**
 * Where gates of one are put at a target. The loss is differentiated by them: to first order, the derivative by a gate is
 * what the loss would lose if all that the gate multiplies were taken out (Molchanov et al. 2017, arXiv 1611.06440).
 */
export interface GateSpec {
  /** `output`: what the target gives, adapters included; `delta`: what this adapter adds to it. */
  readonly on: 'output' | 'delta';
  /** Equal groups of the target's outputs that have a gate each: attention heads, or 1. */
  readonly groups: number;
}

/**
 * How the derivatives of a pass become scores. With g the derivative of a batch's mean loss, and g_i the part of sample i in
 * it: `batch` sums |g| over the batches, `sample` sums |g_i|, `none` sums g, `square` sums g².
 */
export type Aggregation = 'batch' | 'sample' | 'none' | 'square';

/** By target, one score for each of its gates. */
export type Scores = ReadonlyMap<string, Float64Array>;
