import { basename, dirname, join, resolve } from 'node:path';
import type { Dataset } from '../dataset.ts';
import { numberedClasses } from '../tensor-file.ts';
import { kindOf, list, readLines, throwAny } from './files.ts';
import { type PictureFile, pictureFiles } from './picture-files.ts';
import type { Source } from './source.ts';

/** The file stems that a split goes by, in order of preference. */
const stems: Record<string, readonly string[]> = {
  train: ['train', 'train800'],
  val: ['val', 'val200'],
  trainval: ['trainval', 'train800val200'],
  test: ['test'],
};

const isKnown = (stem: string): boolean => Object.values(stems).flat().includes(stem);

/** A line of a list. */
interface Entry extends PictureFile {
  /** `file:line` */
  readonly place: string;
}

const linePattern = /^\s*(\S.*?)\s+(\d+)\s*$/;

/** The lines `path label` of a list; empty lines are passed over. */
async function readList(root: string, file: string): Promise<Entry[]> {
  const problems: string[] = [];
  const entries = (await readLines(file)).flatMap((line, i) => {
    if (line.trim() === '') return [];
    const place = `${file}:${i + 1}`;
    const match = linePattern.exec(line);
    if (match) return [{ path: resolve(root, match[1]), label: Number(match[2]), place }];
    problems.push(`${place}: ${JSON.stringify(line)} is not "path label".`);
    return [];
  });
  throwAny(problems, 'Each line is a path, a space and a class number from 0.');
  return entries;
}

/** Which of the listed files are not there: one look into each folder, not at each file. */
async function missingFiles(entries: readonly Entry[]): Promise<string[]> {
  const folders = [...new Set(entries.map(({ path }) => dirname(path)))];
  const names = new Map(
    await Promise.all(
      folders.map(async folder => {
        const there = (await kindOf(folder)) === 'folder' ? (await list(folder)).files : [];
        return [folder, new Set(there)] as const;
      }),
    ),
  );
  return entries
    .filter(({ path }) => !names.get(dirname(path))?.has(basename(path)))
    .map(({ path, place }) => `${place}: ${path} does not exist.`);
}

/** The names in `classes.txt`, or as many numbers as the largest label of all lists needs. */
async function classesOf(root: string, lists: readonly string[]): Promise<string[]> {
  const named = join(root, 'classes.txt');
  if ((await kindOf(named)) === 'file') return readLines(named);
  const all = await Promise.all(lists.map(stem => readList(root, join(root, `${stem}.txt`))));
  return numberedClasses(all.flat().reduce((most, { label }) => Math.max(most, label + 1), 0));
}

async function openList(root: string, stem: string, lists: readonly string[]): Promise<Dataset> {
  const file = join(root, `${stem}.txt`);
  const entries = await readList(root, file);
  const classes = await classesOf(root, lists);
  throwAny(
    entries
      .filter(({ label }) => label >= classes.length)
      .map(({ label, place }) => `${place}: label ${label} is out of range.`),
    `${join(root, 'classes.txt')} names ${classes.length} classes, so labels are 0 to ${classes.length - 1}.`,
  );
  throwAny(await missingFiles(entries), `Paths are taken from ${root}; restore the files or take them off the list.`);
  return pictureFiles(file, classes, entries, ({ place }) => place);
}

/** The stems of the lists in a folder, if it is one of lists: known splits, and any file of lines `path label`. */
export async function listStems(root: string): Promise<string[]> {
  const { files } = await list(root);
  const texts = files.filter(name => name.endsWith('.txt') && name !== 'classes.txt').map(name => name.slice(0, -4));
  return texts.some(isKnown) ? texts : [];
}

/**
 * A folder in VTAB-1K's layout: `train800.txt`, `val200.txt`, `train800val200.txt` and `test.txt` of lines `path label`,
 * optionally `classes.txt`. Splits are `train`, `val`, `trainval`, `test` and the stems of the files themselves.
 */
export function listFolder(root: string, lists: readonly string[]): Source {
  const stemOf = (split: string): string | undefined => (stems[split] ?? [split]).find(stem => lists.includes(stem));
  return {
    name: root,
    splits: [...new Set([...Object.keys(stems).filter(stemOf), ...lists])],
    open: split => {
      const stem = stemOf(split) ?? split;
      return openList(root, stem, [stem, ...lists.filter(isKnown)]);
    },
  };
}
