import { PeftError } from '@peft/core';

/** The fields of a JSON object, read with their types checked. */
export class Fields {
  readonly values: Readonly<Record<string, unknown>>;
  /** The file's name, for errors. */
  readonly source: string;

  constructor(values: unknown, source: string) {
    if (typeof values !== 'object' || values === null || Array.isArray(values)) {
      throw new PeftError('bad-config', `${source} should be a JSON object; it is ${JSON.stringify(values)}.`);
    }
    this.values = values as Record<string, unknown>;
    this.source = source;
  }

  has(name: string): boolean {
    return this.values[name] !== undefined && this.values[name] !== null;
  }

  number(name: string, fallback?: number): number {
    return this.#read(name, 'a number', fallback, value => (typeof value === 'number' ? value : undefined));
  }

  string(name: string, fallback?: string): string {
    return this.#read(name, 'a string', fallback, value => (typeof value === 'string' ? value : undefined));
  }

  boolean(name: string, fallback?: boolean): boolean {
    return this.#read(name, 'true or false', fallback, value => (typeof value === 'boolean' ? value : undefined));
  }

  numbers(name: string, fallback?: readonly number[]): readonly number[] {
    const isNumbers = (value: unknown): value is number[] =>
      Array.isArray(value) && value.every(item => typeof item === 'number');
    return this.#read(name, 'a list of numbers', fallback, value => (isNumbers(value) ? value : undefined));
  }

  /** One number for each of three channels. */
  channels(name: string, fallback?: readonly number[]): [number, number, number] {
    return this.#read(name, 'three numbers', undefined, () => {
      const [r, g, b, ...more] = this.numbers(name, fallback);
      return b === undefined || more.length > 0 ? undefined : [r, g, b];
    });
  }

  /** A side, or height and width. */
  size(name: string, fallback?: readonly number[]): [number, number] {
    return this.#read(name, 'a size or [height, width]', undefined, () => {
      const value = this.values[name];
      const [height, width = height, ...more] = typeof value === 'number' ? [value] : this.numbers(name, fallback);
      return height === undefined || more.length > 0 ? undefined : [height, width];
    });
  }

  child(name: string): Fields {
    return new Fields(this.values[name], `${this.source}: ${name}`);
  }

  /** Throws unless a field, if it is there, has the one value that is supported. */
  only(name: string, value: unknown): void {
    if (!this.has(name) || this.values[name] === value) return;
    throw new PeftError(
      'not-supported',
      `${this.source}: ${name} is ${JSON.stringify(this.values[name])}; only ${JSON.stringify(value)} is supported.`,
    );
  }

  #read<T>(name: string, kind: string, fallback: T | undefined, parse: (value: unknown) => T | undefined): T {
    const found = this.has(name) || fallback === undefined ? parse(this.values[name]) : fallback;
    if (found !== undefined) return found;
    const what = this.has(name) ? JSON.stringify(this.values[name]) : 'missing';
    throw new PeftError('bad-config', `${this.source}: ${name} should be ${kind}; it is ${what}.`);
  }
}

/** Class names in order, from a list or from an object keyed by number. */
export function labelsOf(fields: Fields, name: string): string[] | undefined {
  const value = fields.values[name];
  if (typeof value !== 'object' || value === null) return undefined;
  const labels = Array.isArray(value)
    ? value
    : Object.entries(value)
        .sort(([a], [b]) => Number(a) - Number(b))
        .map(([, label]) => label);
  return labels.every(label => typeof label === 'string') ? labels : undefined;
}
