import { basename, dirname, join } from 'node:path';
import { PeftError } from '@peft/core';
import { openSafetensors } from '@peft/core/node';
import { sameNames } from '../classes.ts';
import type { Dataset } from '../dataset.ts';
import { findSplit } from '../split-name.ts';
import {
  classesOfLabels,
  classNames,
  type FileClasses,
  type FileLabels,
  fileLabels,
  tensorFileDataset,
} from '../tensor-file.ts';
import type { DecodeOptions } from './decode.ts';
import { kindOf, list } from './files.ts';
import type { Source } from './source.ts';

const splitFile = /^(.+)\.([^.]+)\.safetensors$/;

/** Whether the second word of the names says a split, and not something else. */
const areSplits = (files: ReadonlyMap<string, string>, split: string): boolean =>
  ['train', 'val', 'trainval', 'test', split].some(name => findSplit([...files.keys()], name));

/** The classes that all files share: the names that any of them gives, or numbers up to the largest label of all. */
async function sharedClasses(paths: readonly string[]): Promise<FileClasses> {
  let named: { names: string[]; path: string } | undefined;
  const found: FileLabels[] = [];
  for (const path of paths) {
    const file = await openSafetensors(path);
    try {
      const names = classNames(file, path);
      if (names && named && !sameNames(names, named.names)) {
        throw new PeftError(
          'bad-file',
          `${path} names other classes than ${named.path}; write the same list into both.`,
        );
      }
      if (names) named ??= { names, path };
      found.push({ source: path, labels: await fileLabels(file, path) });
    } finally {
      await file.close();
    }
  }
  return classesOfLabels(found, named?.names);
}

async function openFile(path: string, options: DecodeOptions, classes?: FileClasses): Promise<Dataset> {
  const file = await openSafetensors(path);
  try {
    return await tensorFileDataset(file, path, { ...options, classes });
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
      const [, own, split] = splitFile.exec(name) ?? [];
      return own === stem && split !== undefined ? [[split, join(folder, name)] as const] : [];
    }),
  );
}

function storedFiles(name: string, files: ReadonlyMap<string, string>, options: DecodeOptions): Source {
  return {
    name,
    splits: [...files.keys()],
    open: async split => openFile(files.get(split)!, options, await sharedClasses([...files.values()])),
  };
}

/** `X.train.safetensors`, ... for a path `X` that does not exist itself; undefined if there are none. */
export async function tensorFilesNamed(
  stem: string,
  split: string,
  options: DecodeOptions,
): Promise<Source | undefined> {
  if ((await kindOf(dirname(stem))) !== 'folder') return undefined;
  const files = await siblings(dirname(stem), basename(stem));
  return areSplits(files, split) ? storedFiles(stem, files, options) : undefined;
}

/** A file of `images` and `labels`: of several if it is called `X.SPLIT.safetensors`, else one body. */
export async function tensorFiles(path: string, split: string, options: DecodeOptions): Promise<Source> {
  const [, stem] = splitFile.exec(basename(path)) ?? [];
  const files = stem === undefined ? new Map<string, string>() : await siblings(dirname(path), stem);
  if (areSplits(files, split)) return storedFiles(path, files, options);
  return { name: path, splits: [], open: () => openFile(path, options) };
}
