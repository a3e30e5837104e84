import { groupBy } from './group-by.ts';
import type { Picture, Pictures } from './pictures.ts';

/** Pictures below which a class is too small to train on and to test. */
const fewest = 5;
/** Pictures below which it learns poorly. */
const few = 20;

/** What stands in the way of training, or of its quality. */
export interface Problem {
  readonly text: string;
  /** Whether training cannot start. */
  readonly blocks: boolean;
  /** Pictures that it is about. */
  readonly pictures?: readonly string[];
}

/** Pictures whose file another one has too, by the first of each group. */
export function duplicatesOf(pictures: readonly Picture[]): readonly (readonly Picture[])[] {
  return [...groupBy(pictures, ({ hash }) => hash).values()].filter(group => group.length > 1);
}

const list = (names: readonly string[]): string =>
  names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');

/** What is wrong with a set of pictures, worst first. */
export function problemsOf(
  { classes, pictures }: Pictures,
  duplicates: readonly (readonly Picture[])[],
): readonly Problem[] {
  const counts = new Map(classes.map(({ id }) => [id, 0]));
  for (const { label } of pictures) counts.set(label, (counts.get(label) ?? 0) + 1);
  const between = (least: number, below: number): string[] =>
    classes.flatMap(({ id, name }) => {
      const count = counts.get(id) ?? 0;
      return count >= least && count < below ? [`${name} (${count})`] : [];
    });
  const problems: Problem[] = [];
  if (classes.length === 1)
    problems.push({ text: 'There is one class; a model learns to tell two or more apart.', blocks: true });
  const tooFew = between(0, fewest);
  if (tooFew.length > 0)
    problems.push({ text: `At least ${fewest} pictures are needed in each class: ${list(tooFew)}.`, blocks: true });
  const scarce = between(fewest, few);
  if (scarce.length > 0)
    problems.push({ text: `Few pictures, so accuracy is uncertain: ${list(scarce)}.`, blocks: false });
  const across = duplicates.filter(group => new Set(group.map(({ label }) => label)).size > 1);
  if (across.length > 0)
    problems.push({
      text: `${across.length === 1 ? 'A picture is' : `${across.length} pictures are`} in more than one class.`,
      blocks: false,
      pictures: across.flat().map(({ id }) => id),
    });
  const extra = duplicates.flatMap(group => group.slice(1)).map(({ id }) => id);
  if (extra.length > 0)
    problems.push({
      text: `${extra.length === 1 ? 'A picture is a copy' : `${extra.length} pictures are copies`} of another; copies in the test part make the accuracy look better than it is.`,
      blocks: false,
      pictures: extra,
    });
  return problems;
}
