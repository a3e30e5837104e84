import type { FoundFile } from './layout.ts';

const fileOf = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject));

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

/** The entries of a folder, which browsers give a hundred at a time. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

async function filesBelow(entry: FileSystemEntry): Promise<FoundFile[]> {
  if (isFile(entry)) return [{ file: await fileOf(entry), path: entry.fullPath.slice(1) }];
  if (!isFolder(entry)) return [];
  const inside = await entriesOf(entry);
  const found = await Promise.all(inside.map(filesBelow));
  return found.flat();
}

/** All files of what was dropped, folders searched through. Must be called before the event ends. */
export async function droppedFiles(transfer: DataTransfer): Promise<FoundFile[]> {
  const entries = [...transfer.items].flatMap(item => item.webkitGetAsEntry() ?? []);
  if (entries.length === 0) return chosenFiles(transfer.files);
  const found = await Promise.all(entries.map(filesBelow));
  return found.flat();
}

/** The files of an `<input>`, of folders or of files. */
export const chosenFiles = (files: Iterable<File>): FoundFile[] =>
  [...files].map(file => ({ file, path: file.webkitRelativePath || file.name }));
