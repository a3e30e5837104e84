import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { PeftError } from '@peft/core';

/** A file of the built page. */
export interface AppFile {
  readonly path: string;
  readonly size: number;
  /** Of this content: size and time of the last change. */
  readonly tag: string;
  /** Whether its name tells its content, so that it never changes. */
  readonly isFixed: boolean;
}

/** The files of a page by their paths in URLs. What is not among them is not served, whatever a request asks for. */
export type AppFiles = ReadonlyMap<string, AppFile>;

/** @throws PeftError `missing` if the folder has no built page */
export async function listAppFiles(folder: string): Promise<AppFiles> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter(entry => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const files = await Promise.all(
    paths.map(async path => {
      const { size, mtimeMs } = await stat(path);
      const inUrl = `/${relative(folder, path).replaceAll(sep, '/')}`;
      const tag = `"${size.toString(36)}-${Math.trunc(mtimeMs).toString(36)}"`;
      return [inUrl, { path, size, tag, isFixed: inUrl.startsWith('/assets/') }] as const;
    }),
  );
  const found = new Map(files);
  const index = found.get('/index.html');
  if (!index) throw new PeftError('missing', `${folder} has no index.html; build @peft/studio first.`);
  return found.set('/', index);
}
