import { check, fold, key, type Method } from '@peft/core';
import { drawUniform } from '@peft/core/engine';
import type { Scores, TargetValues } from '@peft/core/method';
import type { PearConfig } from './config.ts';

/** `sum |theta|` over the tensors of a target that are trained. */
function magnitude({ target, values }: TargetValues[number], targets: TargetValues, base: Method): number {
  const specs = base.parameters(
    target,
    targets.map(other => other.target),
  );
  const trained = Object.entries(values).filter(([name]) => !specs[name]?.frozen);
  return trained.reduce((sum, [, data]) => data.reduce((total, value) => total + Math.abs(value), sum), 0);
}

/**
 * I, the importance of each target.
 *
 * Of `taylor` the paper names the kind, `I = |sum theta dL/dtheta|` over the tensors of an adapter (Molchanov et al. 2017,
 * arXiv 1611.06440). It is taken from one gate of one on all that the adapter adds, d: the derivative by the gate is
 * `sum d dL/dd`. As d is linear in B, that is `sum B dL/dB`; as it is of degree one in A too, in a low-rank pair and with a
 * ReLU in between, `sum A dL/dA` is the same number, and the paper's sum over both is twice it. For methods in which it is
 * not (NEAT with a sine, Lily with a router), it is still what the loss would change by without the adapter.
 *
 * @param gates for `taylor`, the derivative by each target's gate, summed over the batches
 */
export function importanceOf(
  values: TargetValues,
  gates: Scores,
  base: Method,
  { criterion, seed }: PearConfig,
): Record<string, number> {
  const criteria: Record<PearConfig['criterion'], (entry: TargetValues[number]) => number> = {
    taylor: ({ target }) => Math.abs(gates.get(target.id)?.[0] ?? Number.NaN),
    magnitude: entry => magnitude(entry, values, base),
    random: ({ target }) => drawUniform(fold(key(seed), target.id), 1)[0] ?? Number.NaN,
  };
  const scores = values.map(entry => [entry.target.id, criteria[criterion](entry)] as const);
  for (const [id, score] of scores)
    check(
      Number.isFinite(score),
      'numerics',
      () => `pear: the importance of ${id} is ${score}; nothing can be pruned.`,
    );
  return Object.fromEntries(scores);
}
