import type { StoredRun } from '../../files/stored.ts';
import { classesOf } from '../../state/runs.svelte.ts';

/** The share of each class's test pictures that a run recognizes, by the class's name. */
export function recallsOf(run: StoredRun): ReadonlyMap<string, number> {
  const { confusion } = run.record.result.metrics;
  return new Map(
    classesOf(run).map((name, i) => {
      const row = confusion[i] ?? [];
      const total = row.reduce((sum, value) => sum + value, 0);
      return [name, total > 0 ? (row[i] ?? 0) / total : 0];
    }),
  );
}
