import { PeftError } from '@peft/core';
import type { FoundModel } from '../worker/protocol.ts';

/** A file that is written at once; workers alone have it, and the types of pages do not. */
export interface SyncAccess {
  getSize(): number;
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

type Named = Pick<FoundModel, 'name' | 'commit'>;

/** Its name tells the model, so that it fits the right one of several with the same shapes. */
export const fileNameOf = ({ name, commit }: Named): string =>
  `${name.replace('/', '--')}@${commit.slice(0, 12)}.safetensors`;

/** The folder of the browser's private file system with what was downloaded. */
export async function downloads(): Promise<FileSystemDirectoryHandle> {
  try {
    const root = await navigator.storage.getDirectory();
    return await root.getDirectoryHandle('hub', { create: true });
  } catch (cause) {
    const text =
      'The browser gives this page no place for files, as in some private windows. Use another window, or download the file yourself and choose it.';
    throw new PeftError('not-supported', text, { cause });
  }
}

/** How many bytes of a model's weights are here. */
export async function receivedOf(model: Named): Promise<number> {
  const folder = await downloads();
  try {
    const handle = await folder.getFileHandle(fileNameOf(model));
    return (await handle.getFile()).size;
  } catch {
    return 0;
  }
}

/** Opens a file to be written by this worker alone. */
export async function openToWrite(handle: FileSystemFileHandle): Promise<SyncAccess> {
  const { createSyncAccessHandle: open } = handle as unknown as { createSyncAccessHandle(): Promise<SyncAccess> };
  return open.call(handle);
}
