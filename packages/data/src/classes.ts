import { PeftError, quote } from '@peft/core';
import { maxClasses } from './limits.ts';

/** The largest label that is accepted. */
export const maxLabel = maxClasses - 1;

/** `0`, `1`, ... for labels without names. */
export const numberedClasses = (count: number): string[] => Array.from({ length: count }, (_, label) => String(label));

export const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);

/**
 * Throws unless class names are few enough, not empty and different.
 *
 * @param place where name `i` stands, for errors
 */
export function checkClassNames(names: readonly string[], source: string, place: (index: number) => string): void {
  if (names.length > maxClasses) {
    throw new PeftError('bad-file', `${source} names ${names.length} classes; ${maxClasses} is the limit.`);
  }
  const first = new Map<string, number>();
  names.forEach((name, i) => {
    if (name.trim() === '') throw new PeftError('bad-file', `${place(i)} is an empty class name; give each class one.`);
    const other = first.get(name);
    if (other !== undefined) {
      throw new PeftError(
        'bad-file',
        `${place(i)} and ${place(other)} are the same class name, ${quote(name)}; give each class its own.`,
      );
    }
    first.set(name, i);
  });
}

/** The advice for labels from `least` to `most` that start at 1 where `count` classes start at 0; undefined otherwise. */
export const startAtOne = (least: number, most: number, count: number): string | undefined =>
  least === 1 && most === count
    ? `labels start at 1 (${least} to ${most}); subtract 1, as they count from 0`
    : undefined;
