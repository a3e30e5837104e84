import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readlink, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, relative } from 'node:path';
import { PeftError } from '@peft/core';
import { writeAtomic } from '@peft/core/node';
import { isCommit } from '../../hub/names.ts';
import { readTextIfThere } from './files.ts';
import { damageOf } from './integrity.ts';
import { inside, isInside } from './names.ts';

/**
 * The cached files of one model, in the layout of Python's `huggingface_hub`: `refs/REVISION` holds a commit,
 * `snapshots/COMMIT/PATH` links to `blobs/ETAG`, and `.no_exist/COMMIT/PATH` marks a file that a commit does not have.
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

  /** Another name than Python's lock, which `flock` holds and which stays when it is free. */
  lock(etag: string): string {
    return inside(this.#locks, `${etag}.node.lock`);
  }

  /** The commit that a revision named when it was last downloaded. */
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

  /** Marks a file as absent, if the cache can be written; the mark only saves a request. */
  async setAbsent(commit: string, path: string): Promise<void> {
    const absence = this.#absence(commit, path);
    await mkdir(dirname(absence), { recursive: true })
      .then(() => writeFile(absence, ''))
      .catch(() => undefined);
  }

  /** Adds a blob to a snapshot: as a link, or as a copy where links are not allowed. */
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
   * Checks files of a commit against the hashes that name their blobs. A copy does not name its blob and is not checked.
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

  /** The same for a blob that no snapshot links to yet. */
  verifyBlob(etag: string): Promise<void> {
    return this.#verifyFile(this.blob(etag), etag);
  }

  async #verifyFile(path: string, etag: string): Promise<void> {
    const damage = await damageOf(path, etag);
    if (!damage) return;
    const whole = await realpath(path); // Python's blobs may link to a store that models share
    const folder = await realpath(this.#cache);
    for (const damaged of [path, this.blob(etag), ...(isInside(folder, whole) ? [whole] : [])]) {
      await rm(damaged, { force: true });
    }
    throw new PeftError('bad-file', `${path} was damaged and has been removed: ${damage}. Try again to download it.`);
  }
}
