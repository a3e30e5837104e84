/** How many steps can be undone. */
const depth = 100;

/** Values that follow each other, and can be gone back through. A value is never changed, only replaced. */
export class History<T> {
  #current: T = $state.raw() as T;
  #past: readonly T[] = $state.raw([]);
  #future: readonly T[] = $state.raw([]);

  constructor(first: T) {
    this.#current = first;
  }

  get current(): T {
    return this.#current;
  }

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  push(next: T): void {
    this.#past = [...this.#past.slice(1 - depth), this.#current];
    this.#future = [];
    this.#current = next;
  }

  /** Starts over from a value, with nothing to undo. */
  reset(value: T): void {
    this.#past = [];
    this.#future = [];
    this.#current = value;
  }

  undo(): void {
    const before = this.#past.at(-1);
    if (before === undefined) return;
    this.#future = [this.#current, ...this.#future];
    this.#past = this.#past.slice(0, -1);
    this.#current = before;
  }

  redo(): void {
    const [next, ...rest] = this.#future;
    if (next === undefined) return;
    this.#past = [...this.#past, this.#current];
    this.#future = rest;
    this.#current = next;
  }
}
