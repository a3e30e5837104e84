import type * as tf from '@tensorflow/tfjs-core';
import { PeftError } from '../errors.ts';
import type { RandomSource } from './random.ts';

/** What holds while a model runs, without being an argument of every layer. */
export interface Scope {
  /** Dropout and stochastic depth act only in training. */
  readonly training: boolean;
  readonly random?: RandomSource;
  /** What the loss is being differentiated by; set while a gradient is taken. */
  readonly variables?: ReadonlySet<tf.Tensor>;
}

const stack: Scope[] = [{ training: false }];

/** The innermost scope; outside any, evaluation without randomness. */
export const currentScope = (): Scope => stack[stack.length - 1];

/** Runs `body`, which must be synchronous, with the given settings on top of the current ones. */
export function withScope<T>(settings: Partial<Scope>, body: () => T): T {
  stack.push({ ...currentScope(), ...settings });
  try {
    return body();
  } finally {
    stack.pop();
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
