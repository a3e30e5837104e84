import type { AdapterFolder, Engine } from '@peft/core';
import type { Dataset } from '@peft/data';
import type { MethodEntry } from './methods.ts';
import type { RunBackbone } from './model.ts';
import type { RunStore } from './store.ts';

/** What a run computes with: what the names in its recipe stand for, opened. */
export interface RunInputs {
  readonly train: Dataset;
  readonly test: Dataset;
  /** It gets a head for the data, and keeps it. */
  readonly backbone: RunBackbone;
  /** The adapter that training starts from, where the recipe has `initAdapter`. */
  readonly adapter?: AdapterFolder;
  /** What runs the steps; unless given, TensorFlow.js does, op by op. */
  readonly engine?: Engine;
}

export interface RunOptions extends RunInputs {
  /** Where checkpoints, the adapter and the record are kept; in memory unless given. */
  readonly store?: RunStore;
  /** Ends the run: the step under way is finished, and a checkpoint saved. */
  readonly signal?: AbortSignal;
  /** Whether to go on from a checkpoint in the store, if there is one; `force`: although the run differs. */
  readonly resume?: boolean | 'force';
  /** Whether a run that the store has the record of is not repeated. */
  readonly keepFinished?: boolean;
  /** The methods that a recipe can name. */
  readonly methods?: Readonly<Record<string, MethodEntry>>;
}

/** The options of a run under way, with every default. */
export interface Session extends RunOptions {
  readonly engine: Engine;
  readonly store: RunStore;
  readonly methods: Readonly<Record<string, MethodEntry>>;
  /** When it began, in ms of `performance.now()`. */
  readonly started: number;
}
