import { fold, type Key } from '@peft/core';
import { drawPermutation } from '@peft/core/engine';

/** Seeds the draw of splits that are not stored, unless another seed is given: in recipes and in `openDataset` alike. */
export const defaultSplitSeed = 42;

/** Two parts of a dataset, as ascending indices. */
export interface Parts {
  readonly held: Int32Array;
  readonly rest: Int32Array;
}

/** The indices of each class that has any, in the order in which classes appear. */
function membersOf(labels: Int32Array): Map<number, number[]> {
  const byClass = new Map<number, number[]>();
  labels.forEach((label, index) => {
    const members = byClass.get(label);
    if (members) members.push(index);
    else byClass.set(label, [index]);
  });
  return byClass;
}

/** Some of the indices of a class. */
const someOf = (members: readonly number[], count: number, random: Key): number[] =>
  Array.from(drawPermutation(random, members.length).subarray(0, count), i => members[i]!);

/**
 * Holds out a fraction of each class: of `n` pictures `round(n * fraction)`, but never all of them.
 *
 * @param labels the class of each picture
 * @param fraction in (0, 1)
 */
export function stratifiedSplit(labels: Int32Array, fraction: number, random: Key): Parts {
  const chosen = new Set<number>();
  for (const [label, members] of membersOf(labels)) {
    const count = Math.min(members.length - 1, Math.round(members.length * fraction));
    for (const index of someOf(members, count, fold(random, label))) chosen.add(index);
  }
  const indices = Int32Array.from({ length: labels.length }, (_, index) => index);
  return { held: indices.filter(index => chosen.has(index)), rest: indices.filter(index => !chosen.has(index)) };
}

/** Draws so many pictures of each class, or all of a class that has fewer, as ascending indices. */
export function drawShots(labels: Int32Array, shots: number, random: Key): Int32Array {
  const drawn = [...membersOf(labels)].flatMap(([label, members]) => someOf(members, shots, fold(random, label)));
  return Int32Array.from(drawn).sort();
}
