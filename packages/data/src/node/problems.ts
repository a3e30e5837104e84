import { PeftError } from '@peft/core';

/** The number of problems that an error lists one by one. */
const shown = 5;

/** Problems of one kind, told in one error: the first few, and how many more there are. */
export class Problems {
  readonly #first: string[] = [];
  #count = 0;

  /** @param describe is called for the first few only, as there may be millions. */
  add(describe: () => string): void {
    if (this.#count++ < shown) this.#first.push(describe());
  }

  /** Throws if there are any. */
  throwAny(advice: string): void {
    if (this.#count === 0) return;
    const more = this.#count > shown ? `\n  and ${this.#count - shown} more` : '';
    const begin = this.#first.length > 1 ? '\n  ' : '';
    throw new PeftError('bad-file', `${begin}${this.#first.join('\n  ')}${more}\n${advice}`);
  }
}
