import { PeftError } from '../errors.ts';
import { Parser, type PatternNode } from './parser.ts';
import type { Program, Step } from './program.ts';

const mostSteps = 20_000;

/** The number of characters that a node matches, if it is fixed. */
function widthOf(part: PatternNode): number | undefined {
  switch (part.type) {
    case 'char':
      return 1;
    case 'assert':
    case 'look':
      return 0;
    case 'group':
    case 'atomic':
      return widthOf(part.body);
    case 'repeat': {
      const width = widthOf(part.body);
      return part.min === part.max && width !== undefined ? part.min * width : width === 0 ? 0 : undefined;
    }
    case 'sequence': {
      const widths = part.parts.map(widthOf);
      return widths.reduce<number | undefined>((sum, width) => {
        return sum === undefined || width === undefined ? undefined : sum + width;
      }, 0);
    }
    case 'alternatives': {
      const [first, ...others] = part.parts.map(widthOf);
      return others.every(width => width === first) ? first : undefined;
    }
  }
}

/** Compiles a node from its end to its start, so that each step knows its successor. */
class Compiler {
  readonly steps: Step[] = [];
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  #add(step: Step): number {
    if (this.steps.length >= mostSteps) this.#fail('its counted repeats make it too large');
    return this.steps.push(step) - 1;
  }

  #fail(why: string): never {
    const shown = JSON.stringify(this.#source.slice(0, 80));
    throw new PeftError('bad-config', `${shown} is not a regular expression that can be used: ${why}.`);
  }

  /** The first step of a node that continues at `next`. */
  add(part: PatternNode, next: number): number {
    switch (part.type) {
      case 'char':
        return this.#add({ op: 'char', test: part.test, next });
      case 'assert':
        return this.#add({ op: 'assert', test: part.test, next });
      case 'sequence':
        return part.parts.reduceRight((after, one) => this.add(one, after), next);
      case 'alternatives':
        return this.#add({ op: 'split', choices: part.parts.map(one => this.add(one, next)) });
      case 'group': {
        const end = this.#add({ op: 'save', slot: 2 * part.index + 1, next });
        return this.#add({ op: 'save', slot: 2 * part.index, next: this.add(part.body, end) });
      }
      case 'atomic':
        return this.#add({ op: 'atomic', body: this.alone(part.body), next });
      case 'look': {
        const back = part.behind ? widthOf(part.body) : 0;
        if (back === undefined) this.#fail('what is looked for behind must have a fixed width');
        return this.#add({ op: 'look', body: this.alone(part.body), back, negative: part.negative, next });
      }
      case 'repeat':
        if (part.mode !== 'possessive') return this.#repeat(part, next);
        return this.#add({ op: 'atomic', body: this.alone({ ...part, mode: 'greedy' }), next });
    }
  }

  /** The first step of a node that is matched on its own. */
  alone(part: PatternNode): number {
    return this.add(part, this.#add({ op: 'accept' }));
  }

  #repeat({ body, min, max, mode }: Extract<PatternNode, { type: 'repeat' }>, next: number): number {
    const split = (again: number, after: number): Step => ({
      op: 'split',
      choices: mode === 'lazy' ? [after, again] : [again, after],
    });
    let first = next;
    if (max === Infinity) {
      first = this.#add({ op: 'split', choices: [] });
      this.steps[first] = split(this.add(body, first), next);
    }
    const optional = Number.isFinite(max) ? max - min : 0;
    for (let i = 0; i < optional; i++) first = this.#add(split(this.add(body, first), next));
    for (let i = 0; i < min; i++) first = this.add(body, first);
    return first;
  }
}

/**
 * A regular expression, written as for Python's `re`, ready to be matched against a text from its start.
 *
 * @param isWhole whether the whole text must match (`re.fullmatch`), rather than its start (`re.match`)
 * @throws PeftError `bad-config` that tells what is wrong, and where
 */
export function compilePattern(source: string, isWhole: boolean): Program {
  const parser = new Parser(source);
  const body: PatternNode = { type: 'group', index: 0, body: parser.parse() };
  const end: PatternNode = { type: 'assert', test: (text, at) => at === text.length };
  const compiler = new Compiler(source);
  const start = compiler.alone({ type: 'sequence', parts: isWhole ? [body, end] : [body] });
  return { source, steps: compiler.steps, start, groups: parser.groups };
}
