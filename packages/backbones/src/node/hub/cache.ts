import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readlink, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, relative } from 'node:path';
import { PeftError } from '@peft/core';
import { writeAtomic } from '@peft/core/node';
import { readTextIfThere } from './files.ts';
import { damageOf } from './integrity.ts';
import { inside, isCommit, isInside } from './names.ts';

/**
 * What is here of one model, laid out as Python's `huggingface_hub` does: `refs/REVISION` names a commit,
 * `snapshots/COMMIT/PATH` links to `blobs/ETAG`, and `.no_exist/COMMIT/PATH` says that a commit has no such file.
 */
export class ModelCache {
  readonly #cache: string;
  readonly #root: string;
  readonly #locks: string;

  constructor(cache: string, name: string) {
    const folder = `models--${name.replace('/', '--')}`;
    this.#cache = cache;
    this.#root = inside(cache, folder);
    this.#locks = inside(cache, '.locks', folder);
  }

  snapshot(commit: string): string {
    return inside(this.#root, 'snapshots', commit);
  }

  /** A file of a commit. */
  pointer(commit: string, path: string): string {
    return inside(this.snapshot(commit), path);
  }

  blob(etag: string): string {
    return inside(this.#root, 'blobs', etag);
  }

  /** Beside Python's, which are held by other means. */
  lock(etag: string): string {
    return inside(this.#locks, `${etag}.node.lock`);
  }

  /** What a revision was when it was last downloaded. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const commit = (await readTextIfThere(inside(this.#root, 'refs', revision)))?.trim();
    return commit && isCommit(commit) ? commit : undefined;
  }

  async setCommit(revision: string, commit: string): Promise<void> {
    if ((await this.commitOf(revision)) === commit) return;
    await writeAtomic(inside(this.#root, 'refs', revision), commit);
  }

  #absence(commit: string, path: string): string {
    return inside(this.#root, '.no_exist', commit, path);
  }

  /** Whether a commit is known to have no such file. */
  isAbsent(commit: string, path: string): boolean {
    return existsSync(this.#absence(commit, path));
  }

  /** Remembers it, if the cache can be written; it saves a question, no more. */
  async setAbsent(commit: string, path: string): Promise<void> {
    const absence = this.#absence(commit, path);
    await mkdir(dirname(absence), { recursive: true })
      .then(() => writeFile(absence, ''))
      .catch(() => undefined);
  }

  /** Makes a blob a file of a commit: by a link, or by a copy where links are not allowed. */
  async place(etag: string, commit: string, path: string, hasLinks: boolean): Promise<void> {
    const blob = this.blob(etag);
    const pointer = this.pointer(commit, path);
    const temporary = `${pointer}.${randomBytes(6).toString('hex')}.tmp`;
    await mkdir(dirname(pointer), { recursive: true });
    const isLinked =
      hasLinks &&
      (await symlink(relative(dirname(pointer), blob), temporary).then(
        () => true,
        () => false,
      ));
    try {
      if (!isLinked) await copyFile(blob, temporary);
      await rename(temporary, pointer);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /**
   * Checks files of a commit against the names of their blobs. A copy has no such name and says nothing of what it should
   * be.
   *
   * @throws PeftError `bad-file` for the first that is damaged, after removing it
   */
  async verify(commit: string, paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const pointer = this.pointer(commit, path);
      const target = await readlink(pointer).catch(() => undefined);
      if (target !== undefined) await this.#verifyFile(pointer, basename(target));
    }
  }

  /** The same for a blob that no file of a commit links to yet. */
  verifyBlob(etag: string): Promise<void> {
    return this.#verifyFile(this.blob(etag), etag);
  }

  async #verifyFile(path: string, etag: string): Promise<void> {
    const damage = await damageOf(path, etag);
    if (!damage) return;
    const whole = await realpath(path); // Python's blobs may be links themselves, to what several models share
    const folder = await realpath(this.#cache);
    for (const damaged of [path, this.blob(etag), ...(isInside(folder, whole) ? [whole] : [])]) {
      await rm(damaged, { force: true });
    }
    throw new PeftError('bad-file', `${path} was damaged and is removed: ${damage}. Try again to download it anew.`);
  }
}
