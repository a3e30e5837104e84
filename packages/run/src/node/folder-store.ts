import { join } from 'node:path';
import { type FolderLock, lockFolder, readIfThere, writeAtomic, writeFolderAtomic } from '@peft/core/node';
import { findCheckpoint, saveCheckpoint } from '@peft/train/node';
import { parseRecord } from '../record.ts';
import type { RunStore } from '../store.ts';

/**
 * Keeps a run in a folder: `run.json`, an adapter in the layout of Hugging Face peft, and the two newest checkpoints. A save that
 * fails or is killed leaves each as it was before or as it is after. Claiming locks the folder and proves that it can be written.
 */
export function folderStore(folder: string): RunStore {
  const recordPath = join(folder, 'run.json');
  let lock: FolderLock | undefined;
  return {
    place: folder,
    async claim() {
      lock ??= await lockFolder(folder);
    },
    async release() {
      await lock?.release();
      lock = undefined;
    },
    async findCheckpoint() {
      const found = await findCheckpoint(folder);
      return found && { bytes: found.bytes, place: found.path, passedOver: found.passedOver };
    },
    saveCheckpoint: bytes => saveCheckpoint({ checkpoint: async () => bytes }, folder),
    saveAdapter: files => writeFolderAtomic(folder, files, 'peft.json'),
    async readRecord() {
      const bytes = await readIfThere(recordPath);
      return bytes && parseRecord(new TextDecoder().decode(bytes), recordPath);
    },
    writeRecord: record => writeAtomic(recordPath, `${JSON.stringify(record)}\n`),
  };
}
