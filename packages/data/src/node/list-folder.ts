import { basename, dirname, join, resolve } from 'node:path';
import { PeftError } from '@peft/core';
import { checkClassNames, maxLabel, numberedClasses, startAtOne } from '../classes.ts';
import type { Dataset } from '../dataset.ts';
import { maxClasses } from '../limits.ts';
import { splitOf } from '../split-name.ts';
import { quote } from '../text.ts';
import type { DecodeOptions } from './decode.ts';
import { kindOf, list, readLines } from './files.ts';
import { type PictureFile, pictureFiles } from './picture-files.ts';
import { Problems } from './problems.ts';
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

/** A line of a list. */
interface Entry extends PictureFile {
  /** Counted from 1. */
  readonly line: number;
}

/** Characters of a line; paths have 4,096 at most. */
const maxLine = 5000;

/** `path label` as its two parts. The path may hold spaces. */
function parseLine(text: string): { path: string; label: string } | undefined {
  if (text.length > maxLine) return undefined;
  const line = text.trim();
  const space = Math.max(line.lastIndexOf(' '), line.lastIndexOf('\t'));
  const label = line.slice(space + 1);
  return space > 0 && /^\d{1,12}$/.test(label) ? { path: line.slice(0, space).trimEnd(), label } : undefined;
}

/** The lines `path label` of a list; empty lines are passed over. */
async function readList(root: string, file: string): Promise<Entry[]> {
  const problems = new Problems();
  const entries: Entry[] = [];
  for (const [i, text] of (await readLines(file)).entries()) {
    if (text.length <= maxLine && text.trim() === '') continue;
    const parsed = parseLine(text);
    const label = Number(parsed?.label);
    if (parsed && label <= maxLabel) entries.push({ path: resolve(root, parsed.path), label, line: i + 1 });
    else
      problems.add(
        () => `${file}:${i + 1}: ${quote(text)} ${parsed ? `is beyond label ${maxLabel}` : 'is not "path label"'}.`,
      );
  }
  problems.throwAny('Each line is a path, a space and a class number from 0.');
  return entries;
}

/** Throws where listed files are not there: one look into each folder, not at each file. */
async function checkFiles(root: string, file: string, entries: readonly Entry[]): Promise<void> {
  const names = new Map<string, Set<string>>();
  for (const folder of new Set(entries.map(({ path }) => dirname(path)))) {
    const there = (await kindOf(folder)) === 'folder' ? (await list(folder)).files : [];
    names.set(folder, new Set(there));
  }
  const problems = new Problems();
  for (const { path, line } of entries) {
    const isThere = names.get(dirname(path))?.has(basename(path));
    if (!isThere) problems.add(() => `${file}:${line}: ${path} does not exist, or is not a regular file.`);
  }
  problems.throwAny(`Paths are taken from ${root}; restore the files or take them off the list.`);
}

interface Classes {
  readonly names: readonly string[];
  readonly numbered: boolean;
}

/** The smallest and the largest label of some lists. */
async function labelRange(root: string, lists: readonly string[]): Promise<{ least: number; most: number }> {
  const range = { least: Number.POSITIVE_INFINITY, most: -1 };
  for (const stem of lists) {
    for (const { label } of await readList(root, join(root, `${stem}.txt`))) {
      range.least = Math.min(range.least, label);
      range.most = Math.max(range.most, label);
    }
  }
  return range;
}

/** The names in `classes.txt`, or as many numbers as the largest label of all lists needs. */
async function classesOf(root: string, lists: readonly string[]): Promise<Classes> {
  const named = join(root, 'classes.txt');
  if ((await kindOf(named)) === 'file') {
    const names = await readLines(named, maxClasses);
    checkClassNames(names, named, index => `${named}:${index + 1}`);
    return { names, numbered: false };
  }
  const { most } = await labelRange(root, lists);
  return { names: numberedClasses(most + 1), numbered: true };
}

/** Throws where a list, or all of them together, has labels that start at 1. */
async function checkStart(root: string, own: readonly Entry[], lists: readonly string[], { names, numbered }: Classes) {
  if (own.length === 0 || own.some(({ label }) => label === 0)) return;
  const { least, most } = await labelRange(root, lists);
  const problem = startAtOne(least, most, numbered ? most : names.length);
  if (problem) throw new PeftError('bad-file', `${root}: ${problem}. Read were ${lists.join('.txt, ')}.txt.`);
}

async function openList(
  root: string,
  stem: string,
  lists: readonly string[],
  options: DecodeOptions,
): Promise<Dataset> {
  const file = join(root, `${stem}.txt`);
  const files = await readList(root, file);
  const classes = await classesOf(root, lists);
  await checkStart(root, files, lists, classes);
  const { names, numbered } = classes;
  const problems = new Problems();
  for (const { label, line } of files) {
    if (label >= names.length) problems.add(() => `${file}:${line}: label ${label} is out of range.`);
  }
  problems.throwAny(
    `${join(root, 'classes.txt')} names ${names.length} classes, so labels are 0 to ${names.length - 1}.`,
  );
  await checkFiles(root, file, files);
  return pictureFiles({
    name: file,
    classes: names,
    numbered,
    files,
    describe: ({ line }) => `${file}:${line}`,
    ...options,
  });
}

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
export function listFolder(root: string, lists: readonly string[], options: DecodeOptions): Source {
  const stemOf = (split: string): string | undefined => (stems[split] ?? [split]).find(stem => lists.includes(stem));
  return {
    name: root,
    splits: [...new Set([...Object.keys(stems).filter(stemOf), ...lists])],
    open: split => {
      const stem = stemOf(split) ?? split;
      return openList(root, stem, [...new Set([stem, ...lists.filter(isKnown)])], options);
    },
  };
}
