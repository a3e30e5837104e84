import { join, relative } from 'node:path';
import { PeftError, quoteSome } from '@peft/core';
import type { Dataset, LeftOut } from '../dataset.ts';
import { type SplitName, splitOf } from '../split-name.ts';
import { list } from './files.ts';
import { checkLevel } from './folder-level.ts';
import { isNamedPicture, listPictures, type Pictures, pictureEndings } from './list-pictures.ts';
import { pictureFiles, type ReadOptions } from './picture-files.ts';
import { Problems } from './problems.ts';
import type { Source } from './source.ts';

const splitNames: readonly SplitName[] = ['train', 'val', 'test'];

/** The folders of classes in `root`, and the pictures that lie beside them. */
interface Level {
  readonly root: string;
  readonly classes: readonly [string, ...string[]];
  readonly stray: readonly LeftOut[];
}

async function readLevel(root: string): Promise<Level> {
  const { folders, files, others } = await list(root);
  const [first, ...rest] = folders;
  if (first === undefined) {
    throw new PeftError('no-match', `${root} has no class folders; expected ${join(root, 'CLASS', '*.jpg')}.`);
  }
  const pictures = files
    .filter(isNamedPicture)
    .map(name => ({ path: join(root, name), reason: 'is in no class folder' }));
  const stray = [...pictures, ...[...others].map(([name, reason]) => ({ path: join(root, name), reason }))];
  return { root, classes: [first, ...rest], stray };
}

/** Classes that are listed at the same time; each may hold a file open. */
const listers = 16;

async function listClasses({ root, classes }: Level): Promise<(Pictures & { readonly name: string })[]> {
  const listOne = async (name: string) => ({ name, ...(await listPictures(join(root, name))) });
  const members: Awaited<ReturnType<typeof listOne>>[] = [];
  for (let i = 0; i < classes.length; i += listers) {
    members.push(...(await Promise.all(classes.slice(i, i + listers).map(listOne))));
  }
  return members;
}

const emptyClass = (folder: string, leftOut: readonly LeftOut[]): string => {
  const [first] = leftOut;
  const found = first ? `; of ${leftOut.length} files none can be used, as ${first.path} ${first.reason}` : '';
  return `${folder} has no pictures (${pictureEndings})${found}.`;
};

/** The pictures of `root/CLASS/**`, as torchvision's `ImageFolder` numbers them: classes in the order of their names. */
async function openClasses(level: Level, classes: readonly string[], options: ReadOptions): Promise<Dataset> {
  const { root, stray } = level;
  const members = await listClasses(level);
  const problems = new Problems();
  for (const { name, paths, leftOut } of members) {
    if (paths.length === 0) problems.add(() => emptyClass(join(root, name), leftOut));
  }
  problems.throwAny('Add pictures to the class, or remove its folder.');
  const labelOf = new Map(classes.map((name, label) => [name, label]));
  const paths = members.flatMap(member => member.paths);
  const labels = Int32Array.from(members.flatMap(({ name, paths: own }) => own.map(() => labelOf.get(name)!)));
  return pictureFiles({
    name: root,
    classes,
    labels,
    pathOf: index => paths[index],
    leftOut: [...stray, ...members.flatMap(({ leftOut }) => leftOut)],
    describe: index => `picture ${index} of ${paths.length} in ${root}`,
    ...options,
  });
}

/**
 * The folders that are splits, `train` first; none if the folders are classes. A folder of a split's name is one if it holds
 * folders, or if there are no others: a class of vehicles may be called `train`.
 */
async function findSplits(root: string, folders: readonly string[]): Promise<string[]> {
  const named = folders.filter(splitOf);
  const inside = await Promise.all(named.map(async name => (await list(join(root, name))).folders.length > 0));
  if (named.length < folders.length && !inside.includes(true)) return [];
  return splitNames.flatMap(split => {
    const same = named.filter(name => splitOf(name) === split);
    if (same.length < 2) return same;
    throw new PeftError('bad-file', `${root} has ${quoteSome(same)}, which all mean ${split}; keep one of them.`);
  });
}

async function openSplitFolder(
  root: string,
  splits: readonly string[],
  split: string,
  beside: readonly string[],
  options: ReadOptions,
) {
  const level = await readLevel(join(root, split));
  const [first = split] = splits;
  const reference = split === first ? level : await readLevel(join(root, first));
  await checkLevel(reference.root, reference.classes);
  const known = new Set(reference.classes);
  const problems = new Problems();
  for (const name of level.classes) {
    if (!known.has(name))
      problems.add(() => `${join(level.root, name)} is a class that ${reference.root} does not have.`);
  }
  problems.throwAny(`Classes of ${relative(root, level.root)} must be among: ${quoteSome(reference.classes)}.`);
  const stray = beside.map(name => ({ path: join(root, name), reason: 'is a folder beside the splits' }));
  return openClasses({ ...level, stray: [...stray, ...level.stray] }, reference.classes, options);
}

/** `root/train/CLASS/*.jpg`, beside it `val` and `test`; or `root/CLASS/*.jpg`, which is one body. */
export async function imageFolder(root: string, options: ReadOptions): Promise<Source> {
  const { folders, files } = await list(root);
  if (folders.length === 0) {
    const found = files.length === 0 ? 'it is empty' : `found ${files.length} files (${files.slice(0, 3).join(', ')})`;
    throw new PeftError(
      'no-match',
      `Nothing to learn from in ${root}: ${found}. Expected train/CLASS/*.jpg, CLASS/*.jpg, or the lists of a VTAB-1K folder.`,
    );
  }
  const splits = await findSplits(root, folders);
  if (splits.length === 0) {
    return {
      name: root,
      splits,
      async open() {
        const level = await readLevel(root);
        await checkLevel(root, level.classes);
        return openClasses(level, level.classes, options);
      },
    };
  }
  const beside = folders.filter(name => !splits.includes(name));
  return { name: root, splits, open: split => openSplitFolder(root, splits, split, beside, options) };
}
