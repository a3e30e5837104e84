import type { FolderFiles } from '@peft/core';

/** A zip of files by path. They are stored as they are: weights and pictures hardly shrink. */
export async function zipped(files: FolderFiles): Promise<Blob> {
  const { zip } = await import('fflate');
  return new Promise((resolve, reject) => {
    zip(files, { level: 0 }, (error, bytes) => {
      if (error) reject(error);
      else resolve(new Blob([new Uint8Array(bytes)], { type: 'application/zip' }));
    });
  });
}
