import type { Key } from '@peft/core';
import { drawPermutation } from '@peft/core/engine';

/*
 * Prune and share (Pear, arXiv 2409.19733), on numbers alone. Of the positions P = 0 .. n-1 whose adapters are alike, each
 * with an importance I, the m least important are pruned, and each takes over the adapter of a more important one:
 *
 *     m = round(ratio n)      D = the m positions of smallest I      K = P \ D      pi: D -> the most important m of K
 */

/** Chooses a donor for each pruned position. */
export type Pairing = 'nearest' | 'rank' | 'top1' | 'random';

/** m, but at least one is kept. */
export const prunedCount = (ratio: number, n: number): number => Math.min(Math.floor(ratio * n + 0.5), n - 1);

const byPosition = (a: number, b: number): number => a - b;

/** All positions by falling importance; of equals, the first comes first. */
const byImportance = (importance: readonly number[]): number[] =>
  [...importance.entries()].sort(([, a], [, b]) => b - a).map(([position]) => position);

/** D, in order of position; of equals, the first is pruned first. */
export function leastImportant(importance: readonly number[], m: number): number[] {
  const rising = [...importance.entries()].sort(([, a], [, b]) => a - b).map(([position]) => position);
  return rising.slice(0, m).sort(byPosition);
}

/** One donor after the other, and again from the first. */
const inTurn = (pruned: readonly number[], donors: readonly number[]): [number, number][] =>
  pruned.map((j, i) => [j, donors[i % donors.length]!]);

/** In order of position, each takes the nearest donor that is left; once all are taken, all are there again. */
function nearest(pruned: readonly number[], donors: readonly number[]): [number, number][] {
  let left: number[] = [];
  return pruned.map(j => {
    if (left.length === 0) left = [...donors].sort(byPosition);
    const donor = left.reduce((best, k) => (Math.abs(k - j) < Math.abs(best - j) ? k : best));
    left = left.filter(k => k !== donor);
    return [j, donor];
  });
}

/**
 * pi: for each pruned position, in order, the position whose adapter it shares.
 *
 * @param from where the order of the donors comes from, if it is random
 */
export function pruneAndShare(
  importance: readonly number[],
  { ratio, pairing }: { ratio: number; pairing: Pairing },
  from: Key,
): Map<number, number> {
  const m = prunedCount(ratio, importance.length);
  const pruned = leastImportant(importance, m); // D
  const ranked = byImportance(importance);
  const donors = ranked.filter(position => !pruned.includes(position)).slice(0, m); // the top min(m, |K|) of K
  const pairings: Record<Pairing, () => [number, number][]> = {
    nearest: () => nearest(pruned, donors),
    rank: () =>
      inTurn(
        ranked.filter(position => pruned.includes(position)),
        donors,
      ),
    top1: () => inTurn(pruned, donors.slice(0, 1)),
    random: () =>
      inTurn(
        pruned,
        [...drawPermutation(from, donors.length)].map(i => donors[i]!),
      ),
  };
  return new Map(pairings[pairing]().sort(([a], [b]) => byPosition(a, b)));
}
