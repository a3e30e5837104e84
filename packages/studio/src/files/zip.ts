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

/** The files of a zip by path. */
export async function unzipped(blob: Blob): Promise<FolderFiles> {
  const { unzip } = await import('fflate');
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return new Promise((resolve, reject) => {
    unzip(bytes, (error, files) => {
      if (error) reject(new Error(`The file is no zip that can be read: ${error.message}.`));
      else resolve(files);
    });
  });
}
