import { basename, dirname, join } from 'node:path';
import { PeftError } from '@peft/core';
import { openSafetensors } from '@peft/core/node';
import type { Dataset } from '../dataset.ts';
import { classNames, fileLabels, numberedClasses, tensorFileDataset } from '../tensor-file.ts';
import { kindOf, list } from './files.ts';
import type { Source } from './source.ts';

const splitFile = /^(.+)\.([^.]+)\.safetensors$/;

/** Whether the second word of the names says a split, and not something else. */
const areSplits = (files: ReadonlyMap<string, string>, split: string): boolean =>
  ['train', 'val', 'trainval', 'test', split].some(name => files.has(name));

/** The classes that all files share: the names that any of them gives, or numbers up to the largest label of all. */
async function sharedClasses(paths: readonly string[]): Promise<string[]> {
  let named: { names: string[]; path: string } | undefined;
  let count = 0;
  for (const path of paths) {
    const file = await openSafetensors(path);
    try {
      const names = classNames(file, path);
      if (names && named && names.join('\n') !== named.names.join('\n')) {
        throw new PeftError(
          'bad-file',
          `${path} names other classes than ${named.path}; write the same list into both.`,
        );
      }
      if (names) named ??= { names, path };
      count = (await fileLabels(file, path)).reduce((most, label) => Math.max(most, label + 1), count);
    } finally {
      await file.close();
    }
  }
  return named?.names ?? numberedClasses(count);
}

async function openFile(path: string, classes?: readonly string[]): Promise<Dataset> {
  const file = await openSafetensors(path);
  try {
    return await tensorFileDataset(file, path, classes);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The files `STEM.SPLIT.safetensors` of a folder, by split. */
async function siblings(folder: string, stem: string): Promise<Map<string, string>> {
  const { files } = await list(folder);
  return new Map(
    files.flatMap(name => {
      const match = splitFile.exec(name);
      return match?.[1] === stem ? [[match[2], join(folder, name)] as const] : [];
    }),
  );
}

function storedFiles(name: string, files: ReadonlyMap<string, string>): Source {
  return {
    name,
    splits: [...files.keys()],
    open: async split => openFile(files.get(split)!, await sharedClasses([...files.values()])),
  };
}

/** `X.train.safetensors`, ... for a path `X` that does not exist itself; undefined if there are none. */
export async function tensorFilesNamed(stem: string, split: string): Promise<Source | undefined> {
  if ((await kindOf(dirname(stem))) !== 'folder') return undefined;
  const files = await siblings(dirname(stem), basename(stem));
  return areSplits(files, split) ? storedFiles(stem, files) : undefined;
}

/** A file of `images` and `labels`: of several if it is called `X.SPLIT.safetensors`, else one body. */
export async function tensorFiles(path: string, split: string): Promise<Source> {
  const match = splitFile.exec(basename(path));
  const files = match ? await siblings(dirname(path), match[1]) : new Map<string, string>();
  if (areSplits(files, split)) return storedFiles(path, files);
  return { name: path, splits: [], open: () => openFile(path) };
}
