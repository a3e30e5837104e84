import { mean } from '@peft/run';
import { type Group, groups, taskOf, tasks } from './tasks.ts';

/** Accuracies by task, in percent. */
export type Accuracies = Readonly<Record<string, number>>;

/** The means of VTAB-1K, in percent. Each is undefined unless all tasks that it is over are there. */
export interface Averages {
  readonly groups: Readonly<Record<Group, number | undefined>>;
  /** The mean of the three group means: the average of FacT, Convpass, Bi-LoRA and HEAT's paper. */
  readonly groupAverage: number | undefined;
  /** The mean over the 19 tasks, as the V-PETL benchmark has it. */
  readonly flatMean: number | undefined;
  /** The mean over the tasks that are there, whichever they are; undefined if there are none. */
  readonly measured: number | undefined;
}

/** The averages of one row of a table. */
export function averagesOf(accuracies: Accuracies): Averages {
  const over = (names: readonly string[]): number | undefined => mean(names.map(name => accuracies[name]));
  const byGroup = Object.fromEntries(
    groups.map(group => [group, over(tasks.filter(task => task.group === group).map(({ name }) => name))]),
  ) as Record<Group, number | undefined>;
  return {
    groups: byGroup,
    groupAverage: mean(Object.values(byGroup)),
    flatMean: over(tasks.map(({ name }) => name)),
    measured: over(Object.keys(accuracies)),
  };
}

/** Task names in the order of the papers' tables; names that are no VTAB-1K task come last. */
export function inOrder(names: Iterable<string>): string[] {
  const place = (name: string): number => {
    const task = taskOf(name);
    return task ? tasks.indexOf(task) : tasks.length;
  };
  return [...new Set(names)].sort((a, b) => place(a) - place(b) || a.localeCompare(b));
}
