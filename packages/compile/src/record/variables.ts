import { PeftError } from '@peft/core';
import type * as tf from '@tensorflow/tfjs-core';
import type { RecordingBackend } from './backend.ts';
import { registeredVariables, tensorOn } from './tfjs.ts';
import type { Value } from './value.ts';

/**
 * Gives every variable a placeholder while a step is recorded, so that the step can read and assign variables without touching their
 * data. (Variables can share data, so the data does not tell which variable is read.)
 */
export class BorrowedVariables {
  readonly #backend: RecordingBackend;
  readonly #known: ReadonlySet<tf.Variable>;
  readonly #borrowed = new Map<tf.Variable, { readonly original: tf.DataId; readonly placeholder: tf.DataId }>();

  /** @param placeholder makes one for a variable; `undefined` leaves a variable that no recorded step can use as it is */
  constructor(backend: RecordingBackend, placeholder: (variable: tf.Variable) => Value | undefined) {
    this.#backend = backend;
    this.#known = new Set(registeredVariables());
    const values = [...this.#known].map(variable => [variable, placeholder(variable)] as const);
    for (const [variable, value] of values) {
      if (!value) continue;
      const original = variable.dataId;
      // Two references: this tensor, which the caller's tidy disposes of, and the variable.
      variable.dataId = backend.tensor(value, 2).dataId;
      this.#borrowed.set(variable, { original, placeholder: variable.dataId });
    }
  }

  /** The variables that the step assigned. */
  assigned(): tf.Variable[] {
    return [...this.#borrowed].filter(([{ dataId }, { placeholder }]) => dataId !== placeholder).map(([it]) => it);
  }

  /** Throws if the step made a variable. */
  checkNoneMade(): void {
    const made = registeredVariables().find(variable => !this.#known.has(variable));
    if (!made) return;
    throw new PeftError(
      'not-supported',
      `The step makes the variable "${made.name}" while it is being recorded, so its first value would be frozen into ` +
        'it. Make all variables, those of the optimizer too, before the step first runs.',
    );
  }

  /** Returns all variables their data, and removes those that the step made. */
  restore(): void {
    for (const variable of registeredVariables()) if (!this.#known.has(variable)) variable.dispose();
    for (const [variable, { original }] of this.#borrowed) {
      if (variable.isDisposed) continue;
      // Releases the variable's reference to the placeholder or to the assigned value.
      tensorOn(this.#backend, variable).dispose();
      variable.dataId = original;
    }
  }
}
