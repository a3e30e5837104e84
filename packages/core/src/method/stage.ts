import type { Method, SiteValues } from './method.ts';
import type { MethodRecord } from './record.ts';
import type { Site } from './targets.ts';

/**
 * Where gates of one are put at a site. The loss is differentiated by them: to first order, the derivative by a gate is
 * what the loss would lose if all that the gate multiplies were taken out (Molchanov et al. 2017, arXiv 1611.06440).
 */
export interface GateSpec {
  /** `output`: what the site gives, adapters included; `delta`: what this adapter adds to it. */
  readonly on: 'output' | 'delta';
  /** Equal groups of the site's outputs that have a gate each: attention heads, or 1. */
  readonly groups: number;
}

/**
 * How the derivatives of a pass become scores. With g the derivative of a batch's mean loss, and g_i the part of sample i in
 * it: `batch` sums |g| over the batches, `sample` sums |g_i|, `none` sums g, `square` sums g².
 */
export type Aggregation = 'batch' | 'sample' | 'none' | 'square';

/** By site, one score for each of its gates. */
export type Scores = ReadonlyMap<string, Float64Array>;

/** What an adapter goes on as after a stage. */
export interface Succession {
  readonly method: Method;
  /**
   * Values, in memory order, by path (`blocks.3.mlp.checkpoint.A`), of parameters that do not simply keep theirs. Those
   * that have the path and the shape of one that was there keep its values; all others start as they are initialised.
   */
  readonly values?: Readonly<Record<string, Float32Array>>;
}

/** A turning point of a training run, at which a method is scored and goes on as another: masked, pruned, shared. */
export interface Stage {
  /** What happens, for people: `score the heads and mask`. */
  readonly name: string;
  /** How many epochs of a run of `epochs` come before it: 0 for before the first step. */
  after(epochs: number): number;
  /** The gates of a site. Left out by stages that look at the values alone. */
  gate?(site: Site, sites: readonly Site[]): GateSpec | undefined;
  /** `batch` unless given. */
  readonly aggregation?: Aggregation;
  /** Batches that are scored; an epoch of them unless given. */
  readonly batches?: number;
  /** Whether it only renews what an earlier one found, again and again, for as long as a run lasts. */
  readonly repeats?: boolean;
  /** What the adapter goes on as, given the scores and its values. */
  next(scores: Scores, values: SiteValues): Succession;
  /** The method that a stage of this kind has led to before, from its record in a checkpoint. */
  resume(record: MethodRecord): Method;
}
