import type * as tf from '@tensorflow/tfjs-core';
import { PeftError } from '../errors.ts';
import type { RandomSource } from './random.ts';

/** Settings of a forward pass that are not arguments of every layer. */
export interface Scope {
  /** Dropout and stochastic depth act only in training. */
  readonly training: boolean;
  readonly random?: RandomSource;
  /** The variables that the loss is differentiated with respect to; set while gradients are taken. */
  readonly variables?: ReadonlySet<tf.Tensor>;
}

let current: Scope = { training: false };

/** The innermost scope. Outside any scope: evaluation, without random numbers. */
export const currentScope = (): Scope => current;

/** Runs `body`, which must be synchronous, with the given settings on top of the current ones. */
export function withScope<T>(settings: Partial<Scope>, body: () => T): T {
  const outer = current;
  current = { ...outer, ...settings };
  try {
    return body();
  } finally {
    current = outer;
  }
}

/** The random source of the current scope. */
export function currentRandom(user: string): RandomSource {
  const { random } = currentScope();
  if (!random) {
    throw new PeftError(
      'state',
      `${user} needs random numbers; give the step's run a seed, or call it inside withScope({ training: true, random }).`,
    );
  }
  return random;
}
