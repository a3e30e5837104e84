import type { Metrics, Moment } from '@peft/train';
import type { Insight } from './insight.ts';
import type { RunRecord } from './record.ts';

/** An event of a run: plain data, for a terminal, a page or a message. */
export type RunEvent =
  | { readonly type: 'notice'; readonly text: string }
  | ResumedEvent
  | CachingEvent
  | StartedEvent
  | StepEvent
  | {
      readonly type: 'stage';
      readonly step: number;
      readonly adapter: string;
      readonly stage: string;
      readonly ms: number;
    }
  | { readonly type: 'epoch'; readonly epoch: number; readonly meanLoss: number }
  | WatchedEvent
  | BestEvent
  | { readonly type: 'checkpoint'; readonly step: number; readonly place: string }
  | { readonly type: 'saved'; readonly place: string; readonly bytes: number }
  | { readonly type: 'evaluating'; readonly done: number; readonly total: number }
  | { readonly type: 'evaluated'; readonly metrics: Metrics }
  | InterruptedEvent
  | PausedEvent
  | { readonly type: 'done'; readonly record: RunRecord };

/** The run goes on from a checkpoint. */
export interface ResumedEvent {
  readonly type: 'resumed';
  readonly step: number;
  readonly place: string;
  /** Why each newer checkpoint was passed over. */
  readonly passedOver: readonly string[];
  /** How the run differs from the checkpoint's, if it was forced to go on. */
  readonly despite: readonly string[];
}

/** Features are computed once for each picture. */
export interface CachingEvent {
  readonly type: 'caching';
  /** Pictures done, and in all. */
  readonly done: number;
  readonly total: number;
  /** The part of the backbone that the features enter: `blocks.10`. */
  readonly enters: string;
  /** The memory of all features, in bytes, once all are computed. */
  readonly bytes?: number;
}

/** The first step is about to run. */
export interface StartedEvent {
  readonly type: 'started';
  readonly method: string;
  /** Steps done before, if the run goes on from a checkpoint. */
  readonly step: number;
  readonly totalSteps: number;
  /** Counts of the trained parameters, and of all parameters of the adapted model. */
  readonly trainable: number;
  readonly total: number;
}

/** An optimizer step is done. */
export interface StepEvent {
  readonly type: 'step';
  /** Counted from 1. */
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  /** Mean cross entropy of the step's pictures, in nats. */
  readonly loss: number;
  readonly lr: number;
  readonly gradientNorm: number;
  readonly ms: number;
}

/** The model was looked at after an epoch, as the option `watch` asks. */
export interface WatchedEvent {
  readonly type: 'watched';
  readonly epoch: number;
  /** Steps done. */
  readonly step: number;
  /** On the validation pictures, where there are any. */
  readonly metrics?: Metrics;
  readonly insights: readonly Insight[];
}

/** Training is done, and the adapter is again as it was at its best moment. */
export interface BestEvent extends Moment {
  readonly type: 'best';
}

/** The signal aborted the run after a step, and a checkpoint was saved. This is the last event. */
export interface InterruptedEvent {
  readonly type: 'interrupted';
  readonly step: number;
  readonly place: string;
}

/** The run came to the place that the option `until` names; a checkpoint is saved. This is the last event. */
export interface PausedEvent {
  readonly type: 'paused';
  readonly step: number;
  readonly place: string;
  /** On the pictures that the recipe evaluates on. */
  readonly metrics: Metrics;
}
