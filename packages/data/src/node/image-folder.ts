import { join, relative } from 'node:path';
import { PeftError } from '@peft/core';
import type { Dataset } from '../dataset.ts';
import { list, listPictures, pictureEndings, throwAny } from './files.ts';
import { pictureFiles } from './picture-files.ts';
import type { Source } from './source.ts';

const splitNames = ['train', 'val', 'test'];

/** The pictures of `root/CLASS/**`, as torchvision's `ImageFolder` numbers them: classes in the order of their names. */
async function openClasses(root: string, classes: readonly string[], present: readonly string[]): Promise<Dataset> {
  const members = await Promise.all(present.map(name => listPictures(join(root, name))));
  throwAny(
    present.flatMap((name, i) =>
      members[i].length === 0 ? [`${join(root, name)} has no pictures (${pictureEndings}).`] : [],
    ),
    'Add pictures to the class, or remove its folder.',
  );
  const files = members.flatMap((paths, i) => paths.map(path => ({ path, label: classes.indexOf(present[i]) })));
  return pictureFiles(root, classes, files, (_, index) => `picture ${index} of ${files.length} in ${root}`);
}

async function classFolders(root: string): Promise<string[]> {
  const { folders } = await list(root);
  if (folders.length > 0) return folders;
  throw new PeftError('no-match', `${root} has no class folders; expected ${join(root, 'CLASS', '*.jpg')}.`);
}

/** `root/train/CLASS/*.jpg`, beside it `val` and `test`; or `root/CLASS/*.jpg`, which is one body. */
export async function imageFolder(root: string): Promise<Source> {
  const { folders, files } = await list(root);
  const splits = splitNames.filter(name => folders.includes(name));
  if (splits.length === 0) {
    if (folders.length === 0) {
      const found =
        files.length === 0 ? 'it is empty' : `found ${files.length} files (${files.slice(0, 3).join(', ')})`;
      throw new PeftError(
        'no-match',
        `Nothing to learn from in ${root}: ${found}. Expected train/CLASS/*.jpg, CLASS/*.jpg, or the lists of a VTAB-1K folder.`,
      );
    }
    return { name: root, splits, open: () => openClasses(root, folders, folders) };
  }
  return {
    name: root,
    splits,
    async open(split) {
      const folder = join(root, split);
      const present = await classFolders(folder);
      const classes = split === splits[0] ? present : await classFolders(join(root, splits[0]));
      const unknown = present.filter(name => !classes.includes(name));
      throwAny(
        unknown.map(name => `${join(folder, name)} is a class that ${join(root, splits[0])} does not have.`),
        `Classes of ${relative(root, folder)} must be among: ${classes.slice(0, 10).join(', ')}${classes.length > 10 ? ', ...' : ''}.`,
      );
      return openClasses(folder, classes, present);
    },
  };
}
