import { fold, type Key } from '@peft/core';
import { drawPermutation } from '@peft/core/engine';

/** Two parts of a dataset, as ascending indices. */
export interface Parts {
  readonly held: Int32Array;
  readonly rest: Int32Array;
}

/**
 * Holds out a fraction of each class: of `n` pictures `round(n * fraction)`, but never all of them.
 *
 * @param labels the class of each picture
 * @param fraction in (0, 1)
 */
export function stratifiedSplit(labels: Int32Array, fraction: number, random: Key): Parts {
  const byClass = new Map<number, number[]>();
  labels.forEach((label, index) => {
    const members = byClass.get(label);
    if (members) members.push(index);
    else byClass.set(label, [index]);
  });
  const chosen = new Set<number>();
  for (const [label, members] of byClass) {
    const count = Math.min(members.length - 1, Math.round(members.length * fraction));
    for (const i of drawPermutation(fold(random, label), members.length).subarray(0, count)) chosen.add(members[i]!);
  }
  const indices = Int32Array.from({ length: labels.length }, (_, index) => index);
  return { held: indices.filter(index => chosen.has(index)), rest: indices.filter(index => !chosen.has(index)) };
}
