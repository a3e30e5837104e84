import type { AdaptedModel } from '@peft/core';
import { adapterParameters } from './finite.ts';

/** A moment of a run, and how good the model was then. */
export interface Moment {
  /** Steps done. */
  readonly step: number;
  /** On pictures that are not trained on, in [0, 1]. */
  readonly accuracy: number;
  /** Mean cross entropy there, in nats. Of two moments of one accuracy, the one of the lower loss is better. */
  readonly loss: number;
}

/** The adapters' parameters by path, in float32. */
export type Values = ReadonlyMap<string, Float32Array>;

/** A moment with the parameters as they were then. */
export interface Kept {
  readonly moment: Moment;
  readonly values: Values;
}

const isBetter = (one: Moment, other: Moment): boolean =>
  one.accuracy > other.accuracy || (one.accuracy === other.accuracy && one.loss < other.loss);

/** The best moment of a run so far, with the adapters' parameters as they were. */
export class Best {
  #kept: Kept | undefined;

  get kept(): Kept | undefined {
    return this.#kept;
  }

  /** Copies the parameters if this moment is better than all before. */
  async offer(model: AdaptedModel, moment: Moment): Promise<void> {
    if (this.#kept && !isBetter(moment, this.#kept.moment)) return;
    const values = new Map<string, Float32Array>();
    for (const [path, parameter] of adapterParameters(model)) values.set(path, await parameter.get());
    this.#kept = { moment, values };
  }

  /** Goes back to what a checkpoint has kept, or to nothing. */
  restore(kept: Kept | undefined): void {
    this.#kept = kept;
  }

  /** Gives the parameters their best values back. */
  recall(model: AdaptedModel): void {
    for (const [path, parameter] of adapterParameters(model)) {
      const values = this.#kept?.values.get(path);
      if (values) parameter.set(values);
    }
  }
}
