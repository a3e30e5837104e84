import { check } from '@peft/core';
import { type Dataset, relabel } from '@peft/data';

/** Whether the data has exactly the classes of a head, in any order. */
export const isHeadFor = (labels: readonly string[] | undefined, { classes }: Dataset): boolean =>
  labels?.length === classes.length && classes.every(name => labels.includes(name));

const inWords = (classes: number): string => classes.toLocaleString('en-US');

/**
 * Relabels a dataset as the model numbers its classes. Matches them by name, and by number only if one side has no names.
 *
 * @param notice called with a remark if they are matched by number
 * @throws PeftError for classes that the model does not know
 */
export function matchClasses(
  dataset: Dataset,
  { labels, classes }: { readonly labels: readonly string[] | undefined; readonly classes: number },
  notice: (text: string) => void,
): Dataset {
  if (labels && !dataset.numbered) return relabel(dataset, labels);
  const nameless = dataset.numbered ? dataset.name : 'The model';
  notice(`Classes are matched by number: ${nameless} has no class names.`);
  if (labels) return relabel(dataset, labels);
  check(dataset.classes.length === classes, 'bad-argument', () => {
    return `The model has ${inWords(classes)} classes, ${dataset.name} has ${inWords(dataset.classes.length)}. ${nameless} has no class names, so there must be as many.`;
  });
  return dataset;
}
