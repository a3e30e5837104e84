import { join } from 'node:path';
import { PeftError, quoteSome } from '@peft/core';
import { splitOf } from '../split-name.ts';
import { list } from './files.ts';
import { isNamedPicture } from './list-pictures.ts';

/** The folder in which a dataset begins, at `folder` or below where there is one folder only; undefined if none does. */
async function findDataset(folder: string): Promise<string | undefined> {
  const { folders, files } = await list(folder);
  if (folders.length >= 2 || folders.some(splitOf)) return folder;
  const [first] = folders;
  return first !== undefined && !files.some(isNamedPicture) ? findDataset(join(folder, first)) : undefined;
}

/** The names of folders that are in every one of `folders`, if none of these has pictures of its own and most names are shared. */
async function sharedFolders(root: string, folders: readonly [string, ...string[]]): Promise<string[]> {
  const [first] = folders;
  if ((await list(join(root, first))).folders.length < 2) return []; // nearly always, and then the others are not listed
  const listings = await Promise.all(folders.map(name => list(join(root, name))));
  if (listings.every(({ files }) => files.some(isNamedPicture))) return [];
  const all = new Set(listings.flatMap(listing => listing.folders));
  const shared = [...all].filter(name => listings.every(listing => listing.folders.includes(name)));
  return shared.length >= 2 && shared.length * 2 >= all.size ? shared : [];
}

/**
 * Throws where the folders of `root` are not its classes: a folder around the whole dataset, or parts of it that hold the
 * same classes each.
 */
export async function checkLevel(root: string, folders: readonly [string, ...string[]]): Promise<void> {
  const [first] = folders;
  if (folders.length === 1) {
    const inner = await findDataset(join(root, first));
    if (!inner) return;
    throw new PeftError(
      'bad-file',
      `${root} has one class only, ${quoteSome(folders)}, and the folder inside looks like the dataset; give ${inner}.`,
    );
  }
  const shared = await sharedFolders(root, folders);
  if (shared.length === 0) return;
  throw new PeftError(
    'bad-file',
    `The folders of ${root} (${quoteSome(folders, 4)}) all hold the same folders (${quoteSome(shared, 4)}), so they look like ` +
      `parts of the dataset and not like classes. Call them train, val and test, or give one of them: ${join(root, first)}. ` +
      `If they are classes, move the pictures out of the folders inside.`,
  );
}
