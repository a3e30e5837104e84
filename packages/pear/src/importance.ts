import { check, drawUniform, fold, key, type Method, type Scores, type SiteValues } from '@peft/core';
import type { PearConfig } from './config.ts';

/** `sum |theta|` over the tensors of a site that are trained. */
function magnitude({ site, values }: SiteValues[number], sites: SiteValues, of: Method): number {
  const specs = of.parameters(
    site,
    sites.map(other => other.site),
  );
  const trained = Object.entries(values).filter(([name]) => !specs[name].frozen);
  return trained.reduce((sum, [, data]) => data.reduce((total, value) => total + Math.abs(value), sum), 0);
}

/**
 * I, the importance of each site.
 *
 * Of `taylor` the paper names the kind, `I = |sum theta dL/dtheta|` over the tensors of an adapter (Molchanov et al. 2017,
 * arXiv 1611.06440). It is taken from one gate of one on all that the adapter adds, d: the derivative by the gate is
 * `sum d dL/dd`. As d is linear in B, that is `sum B dL/dB`; as it is of degree one in A too, in a low-rank pair and with a
 * ReLU in between, `sum A dL/dA` is the same number, and the paper's sum over both is twice it. For methods in which it is
 * not (NEAT with a sine, Lily with a router), it is still what the loss would change by without the adapter.
 *
 * @param gates for `taylor`, the derivative by each site's gate, summed over the batches
 */
export function importanceOf(
  values: SiteValues,
  gates: Scores,
  of: Method,
  { criterion, seed }: PearConfig,
): Record<string, number> {
  const criteria: Record<PearConfig['criterion'], (entry: SiteValues[number]) => number> = {
    taylor: ({ site }) => Math.abs(gates.get(site.id)?.[0] ?? Number.NaN),
    magnitude: entry => magnitude(entry, values, of),
    random: ({ site }) => drawUniform(fold(key(seed), site.id), 1)[0],
  };
  const scores = values.map(entry => [entry.site.id, criteria[criterion](entry)] as const);
  for (const [id, score] of scores)
    check(
      Number.isFinite(score),
      'numerics',
      () => `pear: the importance of ${id} is ${score}; nothing can be pruned.`,
    );
  return Object.fromEntries(scores);
}
