import { join } from 'node:path';
import { splitOf } from '../split-name.ts';
import { list } from './files.ts';
import { openList } from './list-file.ts';
import type { ReadOptions } from './picture-files.ts';
import type { Source } from './source.ts';

/** The file stems that a split goes by, in order of preference. */
const stems: Record<string, readonly string[]> = {
  train: ['train', 'train800'],
  val: ['val', 'val200'],
  trainval: ['trainval', 'train800val200'],
  test: ['test'],
};

const isUsual = (stem: string): boolean => Object.values(stems).flat().includes(stem.toLowerCase());

const isKnown = (stem: string): boolean => isUsual(stem) || splitOf(stem) !== undefined;

/** The stems of the lists in a folder, if it is one of lists: known splits, and any file of lines `path label`. */
export async function listStems(root: string): Promise<string[]> {
  const { files } = await list(root);
  const texts = files.filter(name => name.endsWith('.txt') && name !== 'classes.txt').map(name => name.slice(0, -4));
  return texts.some(isUsual) ? texts : [];
}

/**
 * A folder in VTAB-1K's layout: `train800.txt`, `val200.txt`, `train800val200.txt` and `test.txt` of lines `path label`,
 * optionally `classes.txt`. Splits are `train`, `val`, `trainval`, `test` and the stems of the files themselves.
 */
export function listFolder(root: string, lists: readonly string[], options: ReadOptions): Source {
  const fileOf = (stem: string): string => join(root, `${stem}.txt`);
  const stemOf = (split: string): string | undefined => (stems[split] ?? [split]).find(stem => lists.includes(stem));
  return {
    name: root,
    splits: [...new Set([...Object.keys(stems).filter(stemOf), ...lists])],
    open: split => {
      const stem = stemOf(split) ?? split;
      const others = lists.filter(other => other !== stem && isKnown(other)).map(fileOf);
      return openList({ root, pictures: root, file: fileOf(stem), others }, options);
    },
  };
}
