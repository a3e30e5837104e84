import { quote, quoteSome } from '@peft/core';
import type { Dataset, LeftOut } from './dataset.ts';

/** The number of kinds of reasons that a remark lists, the most frequent first. */
const shownReasons = 4;

/** One line about what was left out, the most frequent reasons first. */
export function leftOutRemark(leftOut: readonly LeftOut[]): string {
  const byReason = new Map<string, string[]>();
  for (const { path, reason } of leftOut) {
    const paths = byReason.get(reason);
    if (paths) paths.push(path);
    else byReason.set(reason, [path]);
  }
  const reasons = [...byReason].sort(([, a], [, b]) => b.length - a.length);
  const told = reasons.slice(0, shownReasons).map(([reason, [first, ...rest]]) => {
    const others = rest.length > 0 ? ` and ${rest.length} more` : '';
    return `${quote(first)}${others}: ${reason}`;
  });
  const more = reasons.length > shownReasons ? `; and ${reasons.length - shownReasons} other reasons` : '';
  return `left out ${leftOut.length} ${leftOut.length === 1 ? 'file' : 'files'}: ${told.join('; ')}${more}`;
}

/** The classes of which a dataset has no picture. */
function emptyClasses({ classes, labels }: Dataset): string[] {
  const present = new Set(labels());
  return classes.filter((_, label) => !present.has(label));
}

/**
 * Lines that people should read about an opened dataset: what was left out and why, and the classes that have no
 * picture. Control characters in names are escaped.
 */
export function remarks(dataset: Dataset): string[] {
  const { leftOut = [], classes } = dataset;
  const empty = emptyClasses(dataset);
  return [
    ...(leftOut.length > 0 ? [leftOutRemark(leftOut)] : []),
    ...(empty.length > 0 ? [`no pictures of ${empty.length} of ${classes.length} classes: ${quoteSome(empty)}`] : []),
  ];
}
