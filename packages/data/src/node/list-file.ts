import { join, resolve, sep } from 'node:path';
import { PeftError, quote } from '@peft/core';
import { checkClassNames, maxLabel, numberedClasses, startAtOne } from '../classes.ts';
import type { Dataset } from '../dataset.ts';
import { maxClasses } from '../limits.ts';
import { kindOf, list, readLines } from './files.ts';
import { pictureFiles, type ReadOptions } from './picture-files.ts';
import { Problems } from './problems.ts';

/** A list in columns, as there may be millions of lines. */
interface List {
  readonly file: string;
  /** As they are written. */
  readonly paths: readonly string[];
  readonly labels: Int32Array;
  /** Where each stands, counted from 1. */
  readonly lines: Int32Array;
}

/** Characters of a line; paths have 4,096 at most. */
const maxLine = 5000;

const labelPattern = /^\d{1,12}$/;

/** The lines `path label` of a list, where the path may hold spaces; empty lines are passed over. */
async function readList(file: string): Promise<List> {
  const texts = await readLines(file);
  const problems = new Problems();
  const paths: string[] = [];
  const labels = new Int32Array(texts.length);
  const lines = new Int32Array(texts.length);
  for (const [i, text] of texts.entries()) {
    const isLong = text.length > maxLine;
    const line = isLong ? '' : text.trim();
    if (line === '' && !isLong) continue;
    const space = Math.max(line.lastIndexOf(' '), line.lastIndexOf('\t'));
    const label = line.slice(space + 1);
    const isPair = space > 0 && labelPattern.test(label);
    if (isPair && Number(label) <= maxLabel) {
      labels[paths.length] = Number(label);
      lines[paths.length] = i + 1;
      paths.push(line.slice(0, space).trimEnd());
      continue;
    }
    const what = isPair ? `is beyond label ${maxLabel}` : 'is not "path label"';
    problems.add(() => `${file}:${i + 1}: ${quote(text)} ${what}.`);
  }
  problems.throwAny('Each line is a path, a space and a class number from 0.');
  return { file, paths, labels: labels.subarray(0, paths.length), lines: lines.subarray(0, paths.length) };
}

/** A path as it is written, in its folder and its name. */
const splitPath = (path: string): [folder: string, name: string] => {
  const slash = Math.max(path.lastIndexOf('/'), sep === '/' ? -1 : path.lastIndexOf(sep));
  return [path.slice(0, slash + 1), path.slice(slash + 1)];
};

/** Throws where listed files are not there: one look into each folder, not at each file. */
async function checkFiles(root: string, { file, paths, lines }: List): Promise<void> {
  const names = new Map<string, Set<string>>();
  const problems = new Problems();
  for (const [i, path] of paths.entries()) {
    const [folder, name] = splitPath(path);
    let there = names.get(folder);
    if (!there) {
      const where = resolve(root, folder);
      there = new Set((await kindOf(where)) === 'folder' ? (await list(where)).files : []);
      names.set(folder, there);
    }
    if (there.has(name)) continue;
    problems.add(() => `${file}:${lines[i]}: ${resolve(root, path)} does not exist, or is not a regular file.`);
  }
  problems.throwAny(`Paths are taken from ${root}; restore the files or take them off the list.`);
}

interface Classes {
  readonly names: readonly string[];
  readonly numbered: boolean;
}

interface Range {
  readonly least: number;
  readonly most: number;
}

const rangeOf = ({ labels }: List): Range => ({
  least: labels.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
  most: labels.reduce((a, b) => Math.max(a, b), -1),
});

/** The names in `classes.txt`; undefined if there is none. */
async function classNames(root: string): Promise<readonly string[] | undefined> {
  const file = join(root, 'classes.txt');
  if ((await kindOf(file)) !== 'file') return undefined;
  const names = await readLines(file, maxClasses);
  checkClassNames(names, file, index => `${file}:${index + 1}`);
  return names;
}

/**
 * The classes of a list: those that `classes.txt` names, or as many numbers as the largest label of all lists needs.
 *
 * @param others the files of the other lists, which are read only where they matter
 */
async function classesOf(root: string, own: List, others: readonly string[]): Promise<Classes> {
  const names = await classNames(root);
  let { least, most } = rangeOf(own);
  if (!names || least > 0) {
    for (const other of others) {
      const range = rangeOf(await readList(other));
      least = Math.min(least, range.least);
      most = Math.max(most, range.most);
    }
    const problem = startAtOne(least, most, names?.length ?? most);
    if (problem) throw new PeftError('bad-file', `${[own.file, ...others].join(', ')}: ${problem}.`);
  }
  return names ? { names, numbered: false } : { names: numberedClasses(most + 1), numbered: true };
}

/** A list of pictures, in the folder of a dataset. */
export interface ListedPictures {
  /** The folder of the dataset, where `classes.txt` may be. */
  readonly root: string;
  /** The folder that paths are taken from. */
  readonly pictures: string;
  /** A text file of lines `path label`. */
  readonly file: string;
  /** The files of the dataset's other lists, which tell how many classes there are. */
  readonly others: readonly string[];
}

/** Opens the pictures of a list. */
export async function openList(
  { root, pictures, file, others }: ListedPictures,
  options: ReadOptions,
): Promise<Dataset> {
  const own = await readList(file);
  const { paths, labels, lines } = own;
  const { names, numbered } = await classesOf(root, own, others);
  const problems = new Problems();
  labels.forEach((label, i) => {
    if (label >= names.length) problems.add(() => `${file}:${lines[i]}: label ${label} is out of range.`);
  });
  problems.throwAny(
    `${join(root, 'classes.txt')} names ${names.length} classes, so labels are 0 to ${names.length - 1}.`,
  );
  await checkFiles(pictures, own);
  return pictureFiles({
    name: file,
    classes: names,
    numbered,
    labels,
    pathOf: index => {
      const path = paths[index];
      return path === undefined ? undefined : resolve(pictures, path);
    },
    describe: index => `${file}:${lines[index]}`,
    ...options,
  });
}
