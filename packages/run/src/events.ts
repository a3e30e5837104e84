import type { Metrics } from '@peft/train';
import type { RunRecord } from './record.ts';

/** What a run tells as it goes: plain data, for a terminal, a page or a message. */
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
  | { readonly type: 'checkpoint'; readonly step: number; readonly place: string }
  | { readonly type: 'saved'; readonly place: string; readonly bytes: number }
  | { readonly type: 'evaluating'; readonly done: number; readonly total: number }
  | { readonly type: 'evaluated'; readonly metrics: Metrics }
  | InterruptedEvent
  | { readonly type: 'done'; readonly record: RunRecord };

/** The run goes on from a checkpoint. */
export interface ResumedEvent {
  readonly type: 'resumed';
  readonly step: number;
  readonly place: string;
  /** Why each newer checkpoint was passed over. */
  readonly passedOver: readonly string[];
  /** In what the run differs from the checkpoint's, where it was forced. */
  readonly despite: readonly string[];
}

/** Features are computed once for each picture. */
export interface CachingEvent {
  readonly type: 'caching';
  /** Pictures. */
  readonly done: number;
  readonly total: number;
  /** The part of the backbone that the features enter: `blocks.10`. */
  readonly enters: string;
  /** What all features take in memory, once they are there. */
  readonly bytes?: number;
}

/** All is ready for the first step. */
export interface StartedEvent {
  readonly type: 'started';
  readonly method: string;
  /** Steps done, where the run goes on from a checkpoint. */
  readonly step: number;
  readonly totalSteps: number;
  /** Parameters that are trained, and all of the adapted model. */
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

/** The signal aborted: the step under way is done and a checkpoint saved. Nothing comes after it. */
export interface InterruptedEvent {
  readonly type: 'interrupted';
  readonly step: number;
  readonly place: string;
}
