import { PeftError } from '@peft/core';
import type * as tf from '@tensorflow/tfjs-core';
import type { RecordingBackend } from './backend.ts';
import { registeredVariables, tensorOn } from './tfjs.ts';
import type { Value } from './value.ts';

/**
 * Lends every variable a placeholder for the time of a recording, so that a step may read and assign variables without
 * touching their data. (Variables may share data, so data alone does not tell which variable is read.)
 */
export class BorrowedVariables {
  readonly #backend: RecordingBackend;
  readonly #known: ReadonlySet<tf.Variable>;
  readonly #borrowed = new Map<tf.Variable, { readonly original: tf.DataId; readonly placeholder: tf.DataId }>();

  /** @param placeholder what stands for a variable; `undefined` for one that no recorded step can use, which stays. */
  constructor(backend: RecordingBackend, placeholder: (variable: tf.Variable) => Value | undefined) {
    this.#backend = backend;
    this.#known = new Set(registeredVariables());
    const values = [...this.#known].map(variable => [variable, placeholder(variable)] as const);
    for (const [variable, value] of values) {
      if (!value) continue;
      const original = variable.dataId;
      // Referred to by this tensor, which the caller's tidy disposes of, and by the variable.
      variable.dataId = backend.tensor(value, 2).dataId;
      this.#borrowed.set(variable, { original, placeholder: variable.dataId });
    }
  }

  /** The variables that the step has assigned. */
  assigned(): tf.Variable[] {
    return [...this.#borrowed].filter(([{ dataId }, { placeholder }]) => dataId !== placeholder).map(([it]) => it);
  }

  /** Throws if the step has made a variable. */
  checkNoneMade(): void {
    const made = registeredVariables().find(variable => !this.#known.has(variable));
    if (!made) return;
    throw new PeftError(
      'not-supported',
      `The step makes the variable "${made.name}" while it is being recorded, so its first value would be frozen into ` +
        'it. Make all variables, those of the optimizer too, before the step first runs.',
    );
  }

  /** Gives all variables their data back, and removes those that the step has made. */
  restore(): void {
    for (const variable of registeredVariables()) if (!this.#known.has(variable)) variable.dispose();
    for (const [variable, { original }] of this.#borrowed) {
      if (variable.isDisposed) continue;
      // Releases the variable's reference to the placeholder, or to what was assigned.
      tensorOn(this.#backend, variable).dispose();
      variable.dataId = original;
    }
  }
}
