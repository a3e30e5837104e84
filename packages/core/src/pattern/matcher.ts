import { check } from '../errors.ts';
import type { Program, Step } from './program.ts';

/** The number of steps that matching may still take before it fails. Several matches can share one budget. */
export interface Work {
  left: number;
}

const unknown = 0;
/** A state that failed or is being tried: a step that returns to itself without reading a character cannot match. */
const failed = 1;
/** Plus the index of the choice that led to a match. */
const matched = 2;

/**
 * Finds the match that backtracking would find, but tries no step twice at one place: work is linear in program size times
 * text length. `work` bounds it where lookaround is inside loops.
 */
class Matcher {
  readonly #program: Program;
  readonly #text: readonly string[];
  readonly #work: Work;
  /** The outcome of each step at each place so far. */
  readonly #known: Uint16Array;

  constructor(program: Program, text: readonly string[], work: Work) {
    this.#program = program;
    this.#text = text;
    this.#work = work;
    const states = program.steps.length * (text.length + 1);
    this.#spend(Math.ceil(states / 1000)); // making the table is work too
    this.#known = new Uint16Array(states);
  }

  /** Whether the program matches from `at` on. */
  run(start: number, at: number): boolean {
    const { steps } = this.#program;
    const known = this.#known;
    const width = this.#text.length + 1;
    // The path so far: states (a step at a place) and the choice taken at each.
    const path: { readonly state: number; choice: number }[] = [];
    const failures: number[] = [];
    let state: number | undefined = start * width + at;
    for (;;) {
      if (state !== undefined && known[state]! >= matched) break;
      if (state !== undefined && known[state] === unknown) {
        known[state] = failed;
        path.push({ state, choice: -1 });
      }
      const top = path.at(-1);
      if (!top) return false;
      this.#spend(1);
      top.choice++;
      const step = steps[Math.floor(top.state / width)]!;
      if (step.op === 'accept') break;
      state = this.#next(step, top.state % width, top.choice);
      if (state === undefined && (step.op !== 'split' || top.choice >= step.choices.length)) {
        path.pop();
        failures.push(top.state);
      }
    }
    for (const passed of path) known[passed.state] = matched + passed.choice;
    // A step that failed because it was being tried already may match from elsewhere.
    for (const one of failures) known[one] = unknown;
    return true;
  }

  /** The state that a choice of a step leads to; undefined if it does not match. */
  #next(step: Exclude<Step, { op: 'accept' }>, at: number, choice: number): number | undefined {
    const width = this.#text.length + 1;
    if (step.op === 'split') {
      const next = step.choices[choice];
      return next === undefined ? undefined : next * width + at;
    }
    if (choice > 0) return undefined;
    switch (step.op) {
      case 'char': {
        const char = this.#text[at];
        return char !== undefined && step.test(char) ? step.next * width + at + 1 : undefined;
      }
      case 'save':
        return step.next * width + at;
      case 'assert':
        return step.test(this.#text, at) ? step.next * width + at : undefined;
      case 'look': {
        const from = at - step.back;
        const isThere = from >= 0 && this.run(step.body, from);
        return isThere !== step.negative ? step.next * width + at : undefined;
      }
      case 'atomic':
        return this.run(step.body, at) ? step.next * width + this.trace(step.body, at) : undefined;
    }
  }

  /** Follows a match that was found to its end, and notes where its groups begin and end. */
  trace(start: number, at: number, slots: number[] = []): number {
    const { steps } = this.#program;
    const width = this.#text.length + 1;
    for (let index = start; ; ) {
      const step = steps[index]!;
      if (step.op === 'accept') return at;
      if (step.op === 'save') slots[step.slot] = at;
      if (step.op === 'look' && !step.negative) this.trace(step.body, at - step.back, slots);
      if (step.op === 'atomic') at = this.trace(step.body, at, slots);
      else if (step.op === 'char') at++;
      index = step.op === 'split' ? step.choices[this.#known[index * width + at]! - matched]! : step.next;
    }
  }

  #spend(steps: number): void {
    this.#work.left -= steps;
    check(this.#work.left >= 0, 'bad-config', () => {
      const { source } = this.#program;
      return `${JSON.stringify(source.slice(0, 80))} takes too much work to match; write it with fewer repeats.`;
    });
  }
}

/** The text that each group of a match took, the whole match first; `undefined` where a group took no part. */
export function match(program: Program, text: string, work: Work): (string | undefined)[] | undefined {
  const characters = [...text];
  const matcher = new Matcher(program, characters, work);
  if (!matcher.run(program.start, 0)) return undefined;
  const slots: number[] = [];
  matcher.trace(program.start, 0, slots);
  return Array.from({ length: program.groups + 1 }, (_, group) => {
    const [begin, end] = [slots[2 * group], slots[2 * group + 1]];
    return begin === undefined || end === undefined ? undefined : characters.slice(begin, end).join('');
  });
}
