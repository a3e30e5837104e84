import { setTimeout } from 'node:timers/promises';

/**
 * Runs all in turn, A, B, B, A, A, B, ..., so that what disturbs the machine disturbs all, and its drift none more than others.
 *
 * @param pause milliseconds before each run, in which the threads of the one before stop spinning
 * @returns what each gave, round by round
 */
export async function interleave<T>(
  runs: readonly (() => Promise<T>)[],
  rounds: number,
  pause: number,
): Promise<T[][]> {
  const results: T[][] = runs.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const turns = [...runs.entries()];
    for (const [i, run] of round % 2 === 0 ? turns : turns.reverse()) {
      await setTimeout(pause);
      results[i].push(await run());
    }
  }
  return results;
}
