import { extname, join } from 'node:path';
import type { LeftOut } from '../dataset.ts';
import { describeUnknown, formatOf, type PictureFormat } from '../formats/sniff.ts';
import { identityOf, list, readHead, unreadable } from './files.ts';

/** Endings of the files that are taken for pictures without a look into them. */
const pictureFile = /\.(jpe?g|jpe|jfif|png|webp|tiff?|gif|avif|bmp|dib|ppm|pgm|pbm|pnm)$/i;

/** The same, for messages. */
export const pictureEndings = 'jpg, jpeg, jpe, jfif, png, webp, tif, tiff, gif, avif, bmp, ppm, pgm, pbm, pnm';

export const isNamedPicture = (name: string): boolean => pictureFile.test(name);

/** Formats whose first bytes are long enough to trust them under any ending. TIFF may be a camera's raw file. */
const unmistakable: readonly PictureFormat[] = ['JPEG', 'PNG', 'GIF', 'WebP', 'AVIF'];

/** Why a file is no picture, if its ending does not say that it is one. */
async function whyNot(path: string): Promise<string | undefined> {
  let head: Uint8Array;
  try {
    head = await readHead(path);
  } catch (cause) {
    return unreadable(path, cause).reason;
  }
  const format = formatOf(head);
  if (format === undefined) return `is ${describeUnknown(head)}`;
  const ending = extname(path);
  const isTrusted = ending === '' || unmistakable.includes(format);
  return isTrusted ? undefined : `has ${format}'s first bytes under the ending ${ending}`;
}

/** The pictures below a folder, and what else was found there. */
export interface Pictures {
  readonly paths: string[];
  readonly leftOut: LeftOut[];
}

/** Adds what is below `folder`, in the order of names: files first, then folder by folder. Each folder is visited once. */
async function visit(folder: string, found: Pictures, visited: Set<string>): Promise<void> {
  const identity = await identityOf(folder);
  if (visited.has(identity)) {
    found.leftOut.push({ path: folder, reason: 'is a link to a folder that is listed already' });
    return;
  }
  visited.add(identity);
  const { folders, files, others } = await list(folder);
  for (const name of files) {
    const path = join(folder, name);
    const reason = isNamedPicture(name) ? undefined : await whyNot(path);
    if (reason === undefined) found.paths.push(path);
    else found.leftOut.push({ path, reason });
  }
  for (const [name, reason] of others) found.leftOut.push({ path: join(folder, name), reason });
  for (const name of folders) await visit(join(folder, name), found, visited);
}

/** All picture files below a folder. Those of a known ending are not opened. */
export async function listPictures(folder: string): Promise<Pictures> {
  const found: Pictures = { paths: [], leftOut: [] };
  await visit(folder, found, new Set());
  return found;
}
