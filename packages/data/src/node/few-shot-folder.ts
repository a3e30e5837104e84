import { join } from 'node:path';
import { kindOf, list } from './files.ts';
import { openList } from './list-file.ts';
import type { ReadOptions } from './picture-files.ts';
import type { Source } from './source.ts';

/** The list of each split. */
const lists: Readonly<Record<string, string>> = {
  train: 'train_meta.list',
  val: 'val_meta.list',
  test: 'test_meta.list',
};

const shotList = (shots: number, seed: number): string => `${lists.train}.num_shot_${shots}.seed_${seed}`;

const isShotList = (name: string): boolean => /^train_meta\.list\.num_shot_\d+\.seed_\d+$/.test(name);

/** The lists in the `annotations` of a folder. */
export async function annotationLists(root: string): Promise<string[]> {
  const annotations = join(root, 'annotations');
  if ((await kindOf(annotations)) !== 'folder') return [];
  const { files } = await list(annotations);
  return files.filter(name => Object.values(lists).includes(name) || isShotList(name));
}

/**
 * A folder in the layout of the few-shot benchmark of NOAH (Zhang et al. 2022, arXiv 2206.04673): in `annotations`, a list
 * `train_meta.list.num_shot_K.seed_S` for each number of shots and each seed, with `val_meta.list` and `test_meta.list`. Paths are
 * taken from `images`, or from the folder itself where there is no `images`.
 */
export async function fewShotFolder(root: string, names: readonly string[], options: ReadOptions): Promise<Source> {
  const images = join(root, 'images');
  const pictures = (await kindOf(images)) === 'folder' ? images : root;
  const fileOf = (name: string): string => join(root, 'annotations', name);
  const shotLists = names.filter(isShotList);
  const open = (name: string): ReturnType<Source['open']> => {
    const others = names.filter(other => other !== name).map(fileOf);
    return openList({ root, pictures, file: fileOf(name), others }, options);
  };
  return {
    name: root,
    splits: Object.keys(lists).filter(split => names.includes(lists[split] ?? '')),
    open: split => open(lists[split] ?? split),
    ...(shotLists.length > 0 && {
      shots: {
        names: shotLists,
        open: (shots, seed) => (names.includes(shotList(shots, seed)) ? open(shotList(shots, seed)) : undefined),
      },
    }),
  };
}
