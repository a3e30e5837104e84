import { PeftError, quoteSome } from '@peft/core';
import { numberedClasses, sameNames } from './classes.ts';
import type { Dataset } from './dataset.ts';

/** One spelling for a name that Unicode can write in several ways, as macOS and Linux do. */
const spelling = (name: string): string => name.normalize('NFC');

/** Label by name; a name that is there twice leads to -1. */
function labelsByName(names: readonly string[]): Map<string, number> {
  const labels = new Map<string, number>();
  names.map(spelling).forEach((name, label) => {
    labels.set(name, labels.has(name) ? -1 : label);
  });
  return labels;
}

const isNumbered = (classes: readonly string[]): boolean => sameNames(classes, numberedClasses(classes.length));

/** The model's label of each class of the dataset. */
function matchClasses({ name, classes: own, numbered }: Dataset, classes: readonly string[]): number[] {
  const byName = labelsByName(classes);
  const matched = own.map(name => byName.get(spelling(name)));
  const twice = own.filter((_, label) => matched[label] === -1);
  if (twice.length > 0) {
    throw new PeftError('bad-argument', `The model has more than one class called ${quoteSome(twice)}; rename them.`);
  }
  const unknown = own.filter((_, label) => matched[label] === undefined);
  if (unknown.length === 0 && !numbered) return matched.map(label => label!);
  // Numbers are not names: where one side has nothing else, only the place of a class is left to go by.
  if ((numbered || isNumbered(classes)) && own.length <= classes.length) return own.map((_, label) => label);
  const advice = numbered ? 'Give the data the names of its classes' : 'Rename the folders or the names of the data';
  throw new PeftError(
    'no-match',
    `${name} has classes that the model does not have: ${quoteSome(numbered ? own.slice(classes.length) : unknown)}.\n` +
      `  the data's: ${quoteSome(own)}\n  the model's: ${quoteSome(classes)}\n` +
      `${advice}, or take a model that was trained on these classes.`,
  );
}

/**
 * The same pictures with the labels of a model, matched by the names of the classes. The dataset may have some of the model's
 * classes only, in any order. Where the classes of one side are mere numbers, they are matched by position.
 *
 * @param classes the model's class names, in the order of its logits
 * @returns a dataset whose `classes` are these. Closing it closes `dataset`.
 * @throws PeftError `no-match` that lists both sides if the dataset has a class that the model does not know
 */
export function relabel(dataset: Dataset, classes: readonly string[]): Dataset {
  const labelOf = matchClasses(dataset, classes);
  const labels = dataset.labels().map(label => {
    const own = labelOf[label];
    if (own !== undefined) return own;
    throw new PeftError('bad-argument', `${dataset.name} has label ${label}, but ${labelOf.length} classes.`);
  });
  return { ...dataset, classes, numbered: isNumbered(classes), labels: () => labels };
}
