import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdaptedModel } from '../adapted/adapted-model.ts';
import { check } from '../errors.ts';
import {
  type AdapterFolder,
  attachAdapterFolder,
  type FolderFiles,
  type ModelCard,
  readAdapterFolder,
  writeAdapterFolder,
} from '../files/adapter-folder.ts';
import { recordedHashes, sha256Of } from '../files/hashes.ts';
import type { MethodFactory } from '../method/method.ts';
import { saveIdOf, stagedName, writeFolderAtomic } from './atomic-folder.ts';
import { readIfThere } from './read.ts';

const index = 'peft.json';

/** Writes the files of {@link writeAdapterFolder} so that the folder changes as one. */
export const placeAdapterFiles = (folder: string, files: FolderFiles): Promise<void> =>
  writeFolderAtomic(folder, files, index);

/**
 * Saves all adapters of a model as a folder that Hugging Face peft can read. Other files in the folder stay. If it fails or
 * is killed at any moment, the folder still loads, as the old state or as the new one.
 *
 * @returns the bytes written
 * @throws PeftError `write-failed`, which says what is there now; `state` if another process holds the folder
 */
export async function saveAdapters(model: AdaptedModel, folder: string, card: ModelCard = {}): Promise<number> {
  const files = await writeAdapterFolder(model, card);
  await placeAdapterFiles(folder, files);
  return Object.values(files).reduce((sum, bytes) => sum + bytes.length, 0);
}

/** The files as they are now, and whether they belong to one save. */
interface Look {
  readonly files: FolderFiles;
  readonly isWhole: boolean;
}

/** Reads a folder without an index, which Python peft wrote. A first save over it writes the index first. */
async function lookAtPlain(folder: string): Promise<Look> {
  const files: FolderFiles = {};
  for (const name of ['adapter_config.json', 'adapter_model.safetensors', 'adapter_model.bin']) {
    const bytes = await readIfThere(join(folder, name));
    if (bytes) files[name] = bytes;
  }
  return { files, isWhole: !(await readIfThere(join(folder, index))) };
}

async function look(folder: string): Promise<Look> {
  const peftJson = await readIfThere(join(folder, index));
  if (!peftJson) return lookAtPlain(folder);
  const files: FolderFiles = { [index]: peftJson };
  let isWhole = true;
  for (const [name, hash] of Object.entries(recordedHashes(peftJson))) {
    const path = join(folder, name);
    const isSaved = (bytes: Uint8Array | undefined): boolean => bytes !== undefined && sha256Of(bytes) === hash;
    let bytes = await readIfThere(path);
    if (!isSaved(bytes)) bytes = (await readIfThere(stagedName(path, saveIdOf(peftJson)))) ?? bytes;
    if (bytes) files[name] = bytes;
    isWhole &&= isSaved(bytes);
  }
  return { files, isWhole };
}

/** Reads an adapter folder from disk. During a save by another process, it reads the old state or the new one. */
export async function openAdapterFolder(folder: string, factories: readonly MethodFactory[]): Promise<AdapterFolder> {
  const isFolder = await stat(folder).then(
    found => found.isDirectory(),
    () => false,
  );
  check(isFolder, 'missing', () => `There is no adapter folder ${folder}.`);
  // A save that commits between two reads mixes two states; reading again gives one of them.
  let seen = await look(folder);
  for (let again = 0; !seen.isWhole && again < 20; again++) {
    await sleep(5 + 10 * again);
    const last = seen.files[index];
    seen = await look(folder);
    const isSame = String(last) === String(seen.files[index]);
    if (isSame && again > 2) break; // no save is under way: reading says what is wrong
  }
  return readAdapterFolder(seen.files, folder, factories);
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
