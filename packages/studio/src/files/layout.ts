import { splitOf } from '@peft/data';
import type { Part } from '../worker/protocol.ts';

/** A file with its path within what was dropped. */
export interface FoundFile {
  readonly file: File;
  readonly path: string;
}

export interface PlacedFile extends FoundFile {
  /** The name of its class; that which is shown, where no folder tells. */
  readonly className: string | undefined;
  /** Of a picture that is not to be trained on. */
  readonly part?: Exclude<Part, 'train'>;
}

/** Files that desktops create. */
const isLitter = (path: string): boolean => /(^|\/)(\.|__MACOSX|Thumbs\.db|desktop\.ini)/i.test(path);

/**
 * Reads folders as `@peft/data` does: `CLASS/*`, or `train/CLASS/*` with `val` and `test` beside it. The folder that holds all
 * is no class, unless its files lie directly in it. Validation pictures may be drawn from those to train on.
 */
export function placeFiles(files: readonly FoundFile[]): PlacedFile[] {
  return files
    .filter(({ path }) => !isLitter(path))
    .map(({ file, path }) => {
      const folders = path.split('/').slice(0, -1);
      const at = folders.findIndex(folder => splitOf(folder) !== undefined);
      const isSplit = at >= 0 && at < folders.length - 1;
      const className = isSplit ? folders[at + 1] : (folders[1] ?? folders[0]);
      const part = isSplit ? splitOf(folders[at]!) : undefined;
      return { file, path, className, ...(part && part !== 'train' && { part }) };
    });
}
