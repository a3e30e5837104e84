import { check } from '@peft/core';
import { mean, type Recipe } from '@peft/run';
import { runId } from './canonical.ts';
import type { Metric, Sweep } from './definition.ts';
import { recipeOf, type Settings } from './dimensions.ts';
import { type Entries, metricsOf } from './entry.ts';
import { type Trial, trialsOf } from './trials.ts';

/** A run of a sweep: one trial with one seed, to the end or to a rung. */
export interface PlannedRun {
  readonly id: string;
  /** The id of the whole run, which its rungs share: where its checkpoints are. */
  readonly run: string;
  readonly trial: number;
  readonly seed: number;
  readonly rung?: number;
  /** Where it pauses; undefined if it runs to the end. */
  readonly until?: { readonly epochs: number } | { readonly steps: number };
  readonly settings: Settings;
  readonly recipe: Recipe;
  /** Runs of a lower number go first. */
  readonly priority: number;
}

/** What runs must be done, as far as it is known. */
export interface Plan {
  readonly trials: readonly Trial[];
  /** How many runs there are in all, if none fails. */
  readonly total: number;
  /**
   * The runs that are known to be needed, done or not. Which go on to the next rung depends on results alone, not on their order:
   * a rung is decided when all of its runs are done (synchronous successive halving). So the finished table does not depend on
   * which worker was faster.
   */
  runs(entries: Entries): PlannedRun[];
  /** The results of the runs that are needed. An earlier call may have done others, whose rung has been decided anew since. */
  needed(entries: Entries): Entries;
}

/** Whether a value of a metric is better than another. */
const isBetter = (metric: Metric, one: number, other: number): boolean =>
  metric === 'loss' ? one < other : one > other;

/** Sorts the best first; values that are undefined come last, and equal ones stay in their order. */
export function bestFirst<T>(items: readonly T[], metric: Metric, scoreOf: (item: T) => number | undefined): T[] {
  return [...items].sort((a, b) => {
    const [one, other] = [scoreOf(a), scoreOf(b)];
    if (one === undefined || other === undefined) return Number(one === undefined) - Number(other === undefined);
    return isBetter(metric, one, other) ? -1 : isBetter(metric, other, one) ? 1 : 0;
  });
}

/** The lengths of the rungs before the last, which runs to the end. */
function rungsOf({ search }: Sweep, length: number): number[] {
  if (search.kind !== 'asha') return [];
  const rungs: number[] = [];
  for (let rung = search.min; rung < length; rung *= search.factor) rungs.push(rung);
  return rungs;
}

/** Halving compares trials that trained equally long. */
function checkLengths(recipes: readonly Recipe[]): void {
  const lengths = new Set(
    recipes.map(({ steps, epochs }) => (steps === undefined ? `${epochs} epochs` : `${steps} steps`)),
  );
  check(lengths.size <= 1, 'bad-argument', () => {
    const sorted = [...lengths].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    return `sweep: trials are ${sorted.join(', ')} long; asha decides how long each trains, so that all need one length. Take epochs, steps and preset out of space.`;
  });
}

/** Whether a trial's settings have all of those that are wanted. */
const hasSettings = (settings: Settings, wanted: Settings): boolean =>
  Object.entries(wanted).every(([name, value]) => JSON.stringify(settings[name]) === JSON.stringify(value));

/** The plan of a sweep. */
export function planOf(sweep: Sweep): Plan {
  const { recipe, seeds, metric, search, first } = sweep;
  const trials = trialsOf(sweep);
  const factor = search.kind === 'asha' ? search.factor : 1;
  const recipes = new Map(
    trials.map(trial => {
      const wholes = seeds.map(seed => recipeOf(recipe, trial.settings, seed));
      return [trial, wholes.map(whole => ({ whole, run: runId(whole) }))] as const;
    }),
  );
  const lengthOf = ({ steps, epochs }: Recipe): number => steps ?? epochs;
  if (search.kind === 'asha') checkLengths([...recipes.values()].flat().map(({ whole }) => whole));

  const isFirst = ({ settings }: Trial): boolean => first.some(wanted => hasSettings(settings, wanted));
  const runOf = (trial: Trial, seed: number, rung: number): PlannedRun => {
    const { whole, run } = recipes.get(trial)![seed]!;
    const length = rungsOf(sweep, lengthOf(whole))[rung];
    const common = { run, trial: trial.index, seed: seeds[seed]!, settings: trial.settings, recipe: whole };
    const priority = 1 + seed + (isFirst(trial) ? 0 : seeds.length);
    if (search.kind !== 'asha') return { id: run, ...common, priority };
    if (length === undefined) return { id: run, ...common, rung, priority };
    const until = whole.steps === undefined ? { epochs: length } : { steps: length };
    return { id: `${run}-${rung}`, ...common, rung, until, priority };
  };

  const rungCount = Math.max(
    1,
    ...[...recipes.values()].flat().map(({ whole }) => 1 + rungsOf(sweep, lengthOf(whole)).length),
  );
  const promoted = (count: number): number => Math.max(1, Math.floor(count / factor));

  const runsAt = (among: readonly Trial[], rung: number): PlannedRun[] =>
    seeds.flatMap((_, seed) => among.map(trial => runOf(trial, seed, rung)));

  /** The mean over seeds of what a trial showed; undefined if one failed. */
  const scoreOf = (trial: Trial, rung: number, entries: Entries): number | undefined =>
    mean(
      seeds.map((_, seed) => {
        const entry = entries.get(runOf(trial, seed, rung).id);
        return entry && metricsOf(entry)?.[metric];
      }),
    );

  const plan: Plan = {
    trials,
    get total() {
      let [count, sum] = [trials.length, 0];
      for (let rung = 0; rung < rungCount; rung++, count = promoted(count)) sum += count * seeds.length;
      return sum;
    },
    runs(entries) {
      const needed: PlannedRun[] = [];
      let among: readonly Trial[] = trials;
      for (let rung = 0; rung < rungCount && among.length > 0; rung++) {
        const runs = runsAt(among, rung);
        needed.push(...runs);
        if (runs.some(({ id }) => !entries.has(id))) break;
        const scores = new Map(among.map(trial => [trial, scoreOf(trial, rung, entries)]));
        const ranked = bestFirst(among, metric, trial => scores.get(trial));
        among = ranked.slice(0, promoted(among.length)).filter(trial => scores.get(trial) !== undefined);
      }
      return needed;
    },
    needed(entries) {
      const found = plan.runs(entries).flatMap(({ id }) => entries.get(id) ?? []);
      return new Map(found.map(entry => [entry.id, entry]));
    },
  };
  return plan;
}
