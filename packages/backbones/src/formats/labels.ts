import { PeftError, quote } from '@peft/core';
import * as v from 'valibot';
import { text } from './schema.ts';

/** Class names: a list in the order of the logits, or an object keyed by their number. */
export const labelNames = v.union(
  [v.array(text), v.record(v.string(), text, 'class names by number')],
  'a list of class names, or class names by number',
);

type LabelNames = v.InferOutput<typeof labelNames>;

/**
 * What is wrong with class names, as the end of a sentence; nothing if they name each of the classes. Two may have one name, as
 * two of ImageNet's do ("crane"): whoever matches classes by name must refuse those.
 */
function problem(names: ReadonlyMap<string, string>, classes: number): string | undefined {
  if (names.size !== classes) return `has ${names.size} names for ${classes} classes`;
  const misnumbered = [...names.keys()].find(key => !/^(0|[1-9]\d{0,6})$/.test(key) || Number(key) >= classes);
  if (misnumbered !== undefined) {
    return `numbers a class ${quote(misnumbered)}; ${classes} classes are numbered 0 to ${classes - 1}`;
  }
  return undefined;
}

/**
 * Class names in the order of the logits.
 *
 * @param field where they stand, for errors
 * @param newHead whether the file's own head is not wanted: names that do not fit it are left out then
 * @throws PeftError `bad-config` for a wrong number of names, or wrong numbers
 */
export function orderLabels(
  names: LabelNames | null | undefined,
  classes: number,
  field: string,
  newHead: boolean,
): string[] | undefined {
  if (!names) return undefined;
  const byNumber = new Map(Object.entries(names));
  const wrong = problem(byNumber, classes);
  if (wrong === undefined) return Array.from({ length: classes }, (_, i) => byNumber.get(String(i)) ?? '');
  if (newHead) return undefined;
  throw new PeftError('bad-config', `${field} ${wrong}. Mend the file, or open it with \`classes\`, for a new head.`);
}
