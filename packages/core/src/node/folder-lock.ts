import { randomInt } from 'node:crypto';
import { rmdirSync, rmSync } from 'node:fs';
import { readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { check, PeftError } from '../errors.ts';
import { removeEmpty } from './durable.ts';
import { probe } from './probe.ts';
import { processTag, stateOf, tagPattern } from './process-tag.ts';

/** A folder in which this process alone writes, until it is released or the process ends. */
export interface FolderLock {
  /** Without symbolic links. */
  readonly folder: string;
  /** Unlocks the folder, and removes it if the lock made it and it is empty. */
  release(): Promise<void>;
}

const claimOf = (tag: string): string => `.peft-lock-${tag}`;
const claim = new RegExp(`^${claimOf(`(${tagPattern})`)}$`);

/** The claims of living processes. Removes those of dead ones. */
async function otherClaims(folder: string): Promise<string[]> {
  const living: string[] = [];
  for (const name of await readdir(folder)) {
    const tag = claim.exec(name)?.[1];
    if (!tag || tag === processTag) continue;
    if (stateOf(tag).state === 'dead') await rm(join(folder, name), { force: true });
    else living.push(tag);
  }
  return living;
}

function inUse(folder: string, tag: string): string {
  const { pid, state } = stateOf(tag);
  const advice =
    state === 'elsewhere'
      ? ` on another machine. If it no longer runs, delete ${join(folder, claimOf(tag))}.`
      : '. Wait until it ends, or write to another folder.';
  return `${folder} is in use: process ${pid} writes there${advice}`;
}

/**
 * Claims a folder: creates a file there that names this process, then looks for others. Of two that claim at once, the one
 * that looks later sees the other's file, so at most one proceeds. Each claim is a file of its own, so removing that of a
 * dead process never removes that of a living one.
 *
 * @param patience how long to wait for others, in ms
 */
async function claimFolder(folder: string, patience: number): Promise<string> {
  const own = join(folder, claimOf(processTag));
  const end = performance.now() + patience;
  for (;;) {
    let [other] = await otherClaims(folder);
    if (!other) {
      try {
        await writeFile(own, '');
        [other] = await otherClaims(folder);
        if (!other) return own;
      } catch (error) {
        await rm(own, { force: true });
        throw error;
      }
      await rm(own, { force: true });
    }
    if (performance.now() >= end) throw new PeftError('state', inUse(folder, other));
    await sleep(randomInt(10, 50)); // two that met at once come back at different times
  }
}

const turns = new Map<string, Promise<unknown>>();

/** Runs `task` when the tasks before it on this folder, in this thread, have ended. */
function inTurn<T>(folder: string, task: () => Promise<T>): Promise<T> {
  const result = (turns.get(folder) ?? Promise.resolve()).then(task);
  const settled = result
    .catch(() => {})
    .then(() => {
      if (turns.get(folder) === settled) turns.delete(folder);
    });
  turns.set(folder, settled);
  return result;
}

/** The locked folders, with the claim of each and the folders made for it. */
const locked = new Map<string, { claim: string; made: readonly string[] }>();

function releaseAll(): void {
  for (const { claim, made } of locked.values()) {
    rmSync(claim, { force: true });
    try {
      for (const folder of made) rmdirSync(folder);
    } catch {
      // The folder is not empty: it stays.
    }
  }
}

/**
 * Locks a folder for a run, creates it if missing, and proves that it is writable. The lock ends with the process; a lock of
 * a dead process is taken over.
 *
 * @param bytes how much must fit on the disk
 * @throws PeftError `state` if another process, or another lock of this one, holds the folder; `write-failed` if it cannot
 *   be written to
 */
export async function lockFolder(path: string, bytes?: number): Promise<FolderLock> {
  const made = await probe(path, bytes);
  const folder = await realpath(path);
  try {
    await inTurn(folder, async () => {
      check(!locked.has(folder), 'state', () => inUse(folder, processTag));
      locked.set(folder, { claim: await claimFolder(folder, 500), made });
    });
  } catch (error) {
    await removeEmpty(made);
    throw error;
  }
  if (locked.size === 1) process.on('exit', releaseAll);
  return {
    folder,
    release: () =>
      inTurn(folder, async () => {
        const held = locked.get(folder);
        if (!held) return;
        locked.delete(folder);
        if (locked.size === 0) process.off('exit', releaseAll);
        await rm(held.claim, { force: true });
        await removeEmpty(held.made);
      }),
  };
}

/** Runs `task` while no other process, and no other task of this one, writes to the folder, which must exist. */
export async function exclusively<T>(path: string, task: () => Promise<T>): Promise<T> {
  const folder = await realpath(path);
  return inTurn(folder, async () => {
    if (locked.has(folder)) return task();
    const own = await claimFolder(folder, 10_000);
    try {
      return await task();
    } finally {
      await rm(own, { force: true });
    }
  });
}
