import { check } from '@peft/core';
import { type Dataset, relabel } from '@peft/data';
import type { Output } from '../output/output.ts';
import { count } from '../output/table.ts';

/** Whether the data has exactly the classes of a head, in any order. */
export const isHeadFor = (labels: readonly string[] | undefined, { classes }: Dataset): boolean =>
  labels?.length === classes.length && classes.every(name => labels.includes(name));

/**
 * A dataset whose labels are the model's. Classes are matched by name; by number only where one side has no names.
 *
 * @throws PeftError for classes that the model does not know
 */
export function matchClasses(
  dataset: Dataset,
  { labels, classes }: { labels: readonly string[] | undefined; classes: number },
  output: Output,
): Dataset {
  if (labels && !dataset.numbered) return relabel(dataset, labels);
  const nameless = dataset.numbered ? dataset.name : 'The model';
  output.note(`Classes are matched by number: ${nameless} has no class names.`);
  if (labels) return relabel(dataset, labels);
  check(dataset.classes.length === classes, 'bad-argument', () => {
    return `The model has ${count(classes)} classes, ${dataset.name} has ${count(dataset.classes.length)}. ${nameless} has no class names, so there must be as many.`;
  });
  return dataset;
}
