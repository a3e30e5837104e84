import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { AdaptedModel } from '../adapted/adapted-model.ts';
import { PeftError } from '../errors.ts';
import {
  type AdapterFolder,
  attachAdapterFolder,
  type FolderFiles,
  type ModelCard,
  readAdapterFolder,
  writeAdapterFolder,
} from '../files/adapter-folder.ts';
import type { MethodFactory } from '../method/method.ts';
import { writeFolderAtomic } from './atomic.ts';

/** Saves all adapters of a model as a folder that Hugging Face peft can read. Returns the bytes written. */
export async function saveAdapters(model: AdaptedModel, folder: string, card: ModelCard = {}): Promise<number> {
  const files = await writeAdapterFolder(model, card);
  await writeFolderAtomic(folder, files);
  return Object.values(files).reduce((sum, bytes) => sum + bytes.length, 0);
}

const isAdapterFile = (path: string): boolean =>
  /(^|\/)(adapter_(config\.json|model\.(safetensors|bin))|peft\.json)$/.test(path);

/** Reads an adapter folder from disk. */
export async function openAdapterFolder(folder: string, factories: readonly MethodFactory[]): Promise<AdapterFolder> {
  let entries: string[];
  try {
    const found = await readdir(folder, { withFileTypes: true, recursive: true });
    entries = found.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  } catch (cause) {
    throw new PeftError('missing', `There is no adapter folder ${folder}: ${(cause as Error).message}`, { cause });
  }
  const files: FolderFiles = {};
  for (const path of entries) {
    const name = relative(folder, path).split(sep).join('/');
    if (isAdapterFile(name)) files[name] = await readFile(path);
  }
  return readAdapterFolder(files, folder, factories);
}

/** Adds the adapters of a folder to a model. */
export async function loadAdapters(
  model: AdaptedModel,
  folder: string,
  factories: readonly MethodFactory[],
  weightsHash?: string,
): Promise<AdapterFolder> {
  const opened = await openAdapterFolder(folder, factories);
  await attachAdapterFolder(model, opened, weightsHash);
  return opened;
}
