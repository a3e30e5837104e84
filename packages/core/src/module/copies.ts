import { PeftError } from '../errors.ts';

/** The same in every copy of this package. */
const mark: unique symbol = Symbol.for('@peft/core: which copy made it') as never;

/** This copy. */
const copy = {};

/** Marks what a class makes as made by this copy. */
export function markClass({ prototype }: { readonly prototype: object }): void {
  Object.defineProperty(prototype, mark, { value: copy });
}

/**
 * Refuses a module or a parameter that another copy of this package made: `instanceof` does not know it, so that its weights would be
 * passed over without a word.
 *
 * @throws PeftError `state` that says how to get to one copy
 */
export function refuseOtherCopy(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null || !(mark in value) || value[mark] === copy) return;
  throw new PeftError(
    'state',
    `${path} is a ${value.constructor.name} of another copy of @peft/core: two are installed, and one does not see the other's ` +
      'weights. `npm ls @peft/core` shows who asks for which; upgrade the older package, then run `npm dedupe`. In a bundle, let both ' +
      'resolve to one copy (`resolve.dedupe` in Vite, `resolve.alias` in webpack).',
  );
}
