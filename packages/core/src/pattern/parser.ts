import { PeftError } from '../errors.ts';
import type { CharTest } from './program.ts';

/** A part of a regular expression. */
export type PatternNode =
  | { readonly type: 'char'; readonly test: CharTest }
  | { readonly type: 'assert'; readonly test: (text: readonly string[], at: number) => boolean }
  | { readonly type: 'sequence' | 'alternatives'; readonly parts: readonly PatternNode[] }
  | { readonly type: 'group'; readonly index: number; readonly body: PatternNode }
  | { readonly type: 'atomic'; readonly body: PatternNode }
  | { readonly type: 'look'; readonly body: PatternNode; readonly behind: boolean; readonly negative: boolean }
  | {
      readonly type: 'repeat';
      readonly body: PatternNode;
      readonly min: number;
      readonly max: number;
      readonly mode: 'greedy' | 'lazy' | 'possessive';
    };

interface Flags {
  /** Ignore case. */
  i: boolean;
  /** A dot matches a newline too. */
  s: boolean;
  /** `^` and `$` match at lines. */
  m: boolean;
  /** White space and comments are ignored. */
  x: boolean;
  /** `\w`, `\d`, `\s` and `\b` know ASCII alone. */
  a: boolean;
}

const longest = 10_000;
const deepest = 100;
const mostRepeats = 1000;

const isOneOf =
  (...chars: string[]): CharTest =>
  char =>
    chars.includes(char);
const matches =
  (expression: RegExp): CharTest =>
  char =>
    expression.test(char);
const not =
  (test: CharTest): CharTest =>
  char =>
    !test(char);

const classes: Record<'d' | 'w' | 's', CharTest> = {
  d: matches(/\p{Nd}/u),
  w: matches(/[\p{L}\p{N}_]/u),
  s: char => /\s/.test(char) || '\x1c\x1d\x1e\x1f\x85'.includes(char),
};
const asciiClasses: typeof classes = { d: matches(/[0-9]/), w: matches(/\w/), s: matches(/[ \t\n\r\f\v]/) };

/** Characters that a letter after a backslash stands for. */
const controls = new Map([
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);

/** How many hexadecimal digits follow a letter after a backslash. */
const hexDigits = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

/** Parts as one, which a single part is by itself. */
function joined(type: 'sequence' | 'alternatives', parts: readonly PatternNode[]): PatternNode {
  const [first, second] = parts;
  return first && !second ? first : { type, parts };
}

/** Makes a test ignore case. */
const inAnyCase =
  (test: CharTest): CharTest =>
  char =>
    test(char) || test(char.toLowerCase()) || test(char.toUpperCase());

/**
 * Reads a regular expression as Python's `re` writes it (Python 3.11 and later). References back to groups are refused: with
 * them, the work of matching has no bound.
 *
 * @throws PeftError `bad-config` that tells what is wrong, and where
 */
export class Parser {
  readonly #source: string;
  readonly #chars: readonly string[];
  readonly #names = new Set<string>();
  #at = 0;
  #depth = 0;
  groups = 0;

  constructor(source: string) {
    this.#source = source;
    this.#chars = source.length > longest ? [] : [...source];
    if (source.length > longest) this.#fail(`it has ${source.length} characters; ${longest} are allowed`);
  }

  parse(): PatternNode {
    const part = this.#alternatives({ i: false, s: false, m: false, x: false, a: false });
    if (this.#at < this.#chars.length) this.#fail('a parenthesis is closed that was not opened');
    return part;
  }

  #fail(why: string): never {
    const shown = this.#source.length > 80 ? `${this.#source.slice(0, 80)}...` : this.#source;
    const where = this.#at > 0 ? ` (at character ${this.#at})` : '';
    throw new PeftError(
      'bad-config',
      `${JSON.stringify(shown)} is not a regular expression that can be used: ${why}${where}.`,
    );
  }

  #eat(text: string): boolean {
    const isNext = this.#chars.slice(this.#at, this.#at + text.length).join('') === text;
    if (isNext) this.#at += text.length;
    return isNext;
  }

  /** The next character; empty at the end. */
  get #next(): string {
    return this.#chars[this.#at] ?? '';
  }

  #take(): string {
    const char = this.#next;
    if (char === '') this.#fail('it ends too early');
    this.#at++;
    return char;
  }

  /** The characters up to `end`, which is consumed too. */
  #takeUntil(end: string): string {
    const from = this.#at;
    while (!this.#eat(end)) this.#take();
    return this.#chars.slice(from, this.#at - end.length).join('');
  }

  #takeDigits(): string {
    const from = this.#at;
    while (/^[0-9]$/.test(this.#next)) this.#at++;
    return this.#chars.slice(from, this.#at).join('');
  }

  #alternatives(flags: Flags): PatternNode {
    if (++this.#depth > deepest) this.#fail(`its groups are nested more than ${deepest} deep`);
    const own = { ...flags };
    const parts = [this.#sequence(own)];
    while (this.#eat('|')) parts.push(this.#sequence(own));
    this.#depth--;
    return joined('alternatives', parts);
  }

  #sequence(flags: Flags): PatternNode {
    const parts: PatternNode[] = [];
    while (!['', '|', ')'].includes(this.#next)) {
      if (flags.x && /^\s$/.test(this.#next)) this.#at++;
      else if (flags.x && this.#eat('#')) {
        while (this.#at < this.#chars.length && this.#take() !== '\n');
      } else {
        const part = this.#part(flags);
        if (part) parts.push(this.#repeats(part, flags));
      }
    }
    return joined('sequence', parts);
  }

  /** The quantifier of the node before, if there is one. */
  #repeats(body: PatternNode, flags: Flags): PatternNode {
    while (flags.x && /^\s$/.test(this.#next)) this.#at++;
    const range = this.#range();
    if (!range) return body;
    if (body.type === 'assert') this.#fail('there is nothing to repeat');
    const mode = this.#eat('?') ? 'lazy' : this.#eat('+') ? 'possessive' : 'greedy';
    const before = this.#at;
    if (this.#range()) {
      this.#at = before;
      this.#fail('a repeat is repeated');
    }
    return { type: 'repeat', body, ...range, mode };
  }

  #range(): { min: number; max: number } | undefined {
    if (this.#eat('*')) return { min: 0, max: Infinity };
    if (this.#eat('+')) return { min: 1, max: Infinity };
    if (this.#eat('?')) return { min: 0, max: 1 };
    const from = this.#at;
    if (!this.#eat('{') || this.#next === '}') {
      this.#at = from;
      return undefined;
    }
    const low = this.#takeDigits();
    const high = this.#eat(',') ? this.#takeDigits() : low;
    if (!this.#eat('}')) {
      this.#at = from;
      return undefined; // a brace as such
    }
    const [min, max] = [Number(low || 0), high === '' ? Infinity : Number(high)];
    if (max < min) this.#fail('the least number of repeats is more than the most');
    if (Math.max(min, Number.isFinite(max) ? max : 0) > mostRepeats) {
      this.#fail(`more than ${mostRepeats} repeats are counted`);
    }
    return { min, max };
  }

  #part(flags: Flags): PatternNode | undefined {
    const char = this.#take();
    switch (char) {
      case '.':
        return { type: 'char', test: flags.s ? () => true : not(isOneOf('\n')) };
      case '^':
        return { type: 'assert', test: (text, at) => at === 0 || (flags.m && text[at - 1] === '\n') };
      case '$': {
        const isEnd = (text: readonly string[], at: number): boolean =>
          at === text.length || (text[at] === '\n' && (flags.m || at === text.length - 1));
        return { type: 'assert', test: isEnd };
      }
      case '[':
        return { type: 'char', test: this.#set(flags) };
      case '(':
        return this.#group(flags);
      case '\\':
        return this.#escape(flags);
      case '*':
      case '+':
      case '?':
        return this.#fail('there is nothing to repeat');
      default:
        return { type: 'char', test: this.#literal(char, flags) };
    }
  }

  #literal(char: string, { i }: Flags): CharTest {
    return i ? inAnyCase(isOneOf(char, char.toLowerCase(), char.toUpperCase())) : isOneOf(char);
  }

  #group(flags: Flags): PatternNode | undefined {
    if (!this.#eat('?')) return this.#capture(flags);
    if (this.#eat('P<')) {
      const name = this.#takeUntil('>');
      if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) this.#fail(`${JSON.stringify(name)} is not the name of a group`);
      if (this.#names.has(name)) this.#fail(`two groups are called ${name}`);
      this.#names.add(name);
      return this.#capture(flags);
    }
    if (this.#eat('#')) {
      this.#takeUntil(')');
      return undefined;
    }
    if (this.#eat(':')) return this.#closed(this.#alternatives(flags));
    if (this.#eat('>')) return { type: 'atomic', body: this.#closed(this.#alternatives(flags)) };
    for (const [mark, behind, negative] of looks) {
      if (this.#eat(mark)) return { type: 'look', behind, negative, body: this.#closed(this.#alternatives(flags)) };
    }
    if (this.#eat('P=') || this.#eat('(')) this.#fail('it refers back to a group, which is not supported');
    return this.#flagged(flags);
  }

  #capture(flags: Flags): PatternNode {
    const index = ++this.groups;
    return { type: 'group', index, body: this.#closed(this.#alternatives(flags)) };
  }

  #closed(part: PatternNode): PatternNode {
    if (!this.#eat(')')) this.#fail('a parenthesis is not closed');
    return { type: 'sequence', parts: [part] };
  }

  /** `(?i)` for all that follows, at the start alone; `(?i:...)`, `(?-i:...)` for a part. */
  #flagged(flags: Flags): PatternNode | undefined {
    const start = this.#at - 2;
    const own = { ...flags };
    let value = true;
    for (;;) {
      const letter = this.#take();
      if (letter === ':') return this.#closed(this.#alternatives(own));
      if (letter === ')') {
        if (start !== 0 || !value) this.#fail('flags must stand at the start, or be of a group');
        Object.assign(flags, own);
        return undefined;
      }
      if (letter === '-' && value) value = false;
      else if (letter === 'u' && value) own.a = false;
      else if (letter in own) own[letter as keyof Flags] = value;
      else this.#fail(`(?${letter} is not known`);
    }
  }

  #escape(flags: Flags): PatternNode {
    const letter = this.#take();
    const { w } = flags.a ? asciiClasses : classes;
    const isWord = (char: string | undefined): boolean => char !== undefined && w(char);
    const isEdge = (text: readonly string[], at: number): boolean => isWord(text[at - 1]) !== isWord(text[at]);
    switch (letter) {
      case 'A':
        return { type: 'assert', test: (_, at) => at === 0 };
      case 'Z':
        return { type: 'assert', test: (text, at) => at === text.length };
      case 'b':
        return { type: 'assert', test: isEdge };
      case 'B':
        return { type: 'assert', test: (text, at) => text.length > 0 && !isEdge(text, at) };
      default:
        return { type: 'char', test: this.#class(letter, flags) ?? this.#literal(this.#escaped(letter), flags) };
    }
  }

  /** A character class such as `\d`. */
  #class(letter: string, { a }: Flags): CharTest | undefined {
    const test = Object.entries(a ? asciiClasses : classes).find(([name]) => name === letter.toLowerCase())?.[1];
    return test && letter !== letter.toLowerCase() ? not(test) : test;
  }

  /** The character that an escape stands for. */
  #escaped(letter: string): string {
    const control = controls.get(letter);
    if (control !== undefined && letter !== 'b') return control;
    const digits = hexDigits.get(letter);
    if (digits !== undefined) return this.#codePoint(Array.from({ length: digits }, () => this.#take()).join(''), 16);
    if (letter === '0' || /^[1-9]$/.test(letter)) {
      const octal = this.#chars
        .slice(this.#at - 1, this.#at + 2)
        .join('')
        .match(/^(0[0-7]{0,2}|[0-3][0-7]{2})/)?.[0];
      if (!octal) this.#fail('it refers back to a group, which is not supported');
      this.#at += octal.length - 1;
      return this.#codePoint(octal, 8);
    }
    if (/^[A-Za-z]$/.test(letter)) this.#fail(`\\${letter} is not known`);
    return letter;
  }

  #codePoint(digits: string, base: 8 | 16): string {
    const isNumber = (base === 8 ? /^[0-7]+$/ : /^[0-9A-Fa-f]+$/).test(digits);
    const code = Number.parseInt(digits, base);
    if (!isNumber || code > 0x10ffff) this.#fail(`${JSON.stringify(digits)} is not the number of a character`);
    return String.fromCodePoint(code);
  }

  /** `[a-z_]`, after its first bracket. */
  #set(flags: Flags): CharTest {
    const isNegative = this.#eat('^');
    const tests: CharTest[] = [];
    let isFirst = true;
    for (;;) {
      const char = this.#take();
      if (char === ']' && !isFirst) break;
      isFirst = false;
      const low = this.#member(char, flags);
      const isRange = this.#next === '-' && this.#chars[this.#at + 1] !== ']';
      if (!isRange) {
        tests.push(typeof low === 'string' ? isOneOf(low) : low);
        continue;
      }
      this.#at++;
      const high = this.#member(this.#take(), flags);
      if (typeof low !== 'string' || typeof high !== 'string') this.#fail('a range has a class for an end');
      const [from, to] = [low.codePointAt(0)!, high.codePointAt(0)!];
      if (from > to) this.#fail(`the range ${low}-${high} is the wrong way round`);
      tests.push(other => other.codePointAt(0)! >= from && other.codePointAt(0)! <= to);
    }
    const isIn: CharTest = char => tests.some(test => test(char));
    const test = flags.i ? inAnyCase(isIn) : isIn;
    return isNegative ? not(test) : test;
  }

  /** A character of a set, or a class in it. */
  #member(char: string, flags: Flags): string | CharTest {
    if (char !== '\\') return char;
    const letter = this.#take();
    return this.#class(letter, flags) ?? (letter === 'b' ? '\b' : this.#escaped(letter));
  }
}

const looks: readonly [mark: string, behind: boolean, negative: boolean][] = [
  ['=', false, false],
  ['!', false, true],
  ['<=', true, false],
  ['<!', true, true],
];
