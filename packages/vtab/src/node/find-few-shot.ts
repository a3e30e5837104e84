import { join } from 'node:path';
import { check, closestOf } from '@peft/core';
import { fewShotDatasets } from '../few-shot/datasets.ts';
import { isThere } from './is-there.ts';

/** A data set of the few-shot benchmark on disk. */
export interface FoundFewShot {
  readonly name: string;
  readonly folder: string;
  /** Undefined for a folder that is none of the benchmark's five. */
  readonly classes: number | undefined;
}

/**
 * Finds data sets below a folder: those that are named, which may be any folders, or those of the five that are there.
 *
 * @throws PeftError `missing` for a named one that is not there, or if there is none
 */
export async function findFewShot(
  root: string,
  named?: readonly string[],
): Promise<{ readonly found: readonly FoundFewShot[]; readonly missing: readonly string[] }> {
  const known = fewShotDatasets.map(({ name }) => name);
  const found: FoundFewShot[] = [];
  const missing: string[] = [];
  for (const name of named ?? known) {
    const folder = join(root, name);
    const classes = fewShotDatasets.find(dataset => dataset.name === name)?.classes;
    if (await isThere(folder)) found.push({ name, folder, classes });
    else missing.push(name);
  }
  check(named === undefined || missing.length === 0, 'missing', () => {
    const hint = missing.map(name => `${name} (closest: ${closestOf(name, known, 1)[0] ?? 'none'})`).join(', ');
    return `${root} has no data set ${hint}.`;
  });
  check(found.length > 0, 'missing', () => {
    return `${root} has none of the data sets ${known.join(', ')}; name other folders there with --tasks.`;
  });
  return { found, missing };
}
