import type { AdapterFolder, Engine } from '@peft/core';
import type { Dataset } from '@peft/data';
import type { MethodEntry } from './methods.ts';
import type { RunBackbone } from './model.ts';
import type { RunStore } from './store.ts';
import type { Watch } from './watch.ts';

/** What the names in a recipe stand for, opened. */
export interface RunInputs {
  readonly train: Dataset;
  readonly test: Dataset;
  /** The run gives it a head for the data, if needed; it keeps that head. */
  readonly backbone: RunBackbone;
  /** The adapter that training starts from, if the recipe has `initAdapter`. */
  readonly adapter?: AdapterFolder;
  /** Runs the steps; TensorFlow.js, op by op, unless given. */
  readonly engine?: Engine;
}

export interface RunOptions extends RunInputs {
  /** Keeps checkpoints, the adapter and the record; in memory unless given. */
  readonly store?: RunStore;
  /** Ends the run after the current step, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Whether to go on from a checkpoint in the store, if there is one; `force` goes on even if the run differs. */
  readonly resume?: boolean | 'force';
  /** Whether to return the record of the same run from the store, if it is there, instead of repeating it. */
  readonly keepFinished?: boolean;
  /**
   * Where to pause: after so many epochs or steps of the recipe's, the run saves a checkpoint and is evaluated, and the last event is
   * `paused`. It goes on with `resume`, to the numbers of a run that was not paused. A place at or after the end changes nothing.
   */
  readonly until?: { readonly epochs: number } | { readonly steps: number };
  /** What to look at after each epoch: accuracy on further pictures, and what the methods do inside. */
  readonly watch?: Watch;
  /** The methods that a recipe can name. */
  readonly methods?: Readonly<Record<string, MethodEntry>>;
}

/** The options of a run under way, with every default. */
export interface Session extends RunOptions {
  readonly engine: Engine;
  readonly store: RunStore;
  readonly methods: Readonly<Record<string, MethodEntry>>;
  /** Its start, in ms of `performance.now()`. */
  readonly started: number;
}
