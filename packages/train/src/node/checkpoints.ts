import { join } from 'node:path';
import { PeftError } from '@peft/core';
import { readIfThere, writeAtomic } from '@peft/core/node';
import { parseCheckpoint } from '../checkpoint.ts';
import type { Trainer } from '../trainer.ts';

const newest = 'checkpoint.safetensors';
const previous = 'checkpoint.previous.safetensors';

/** A checkpoint that a run can go on from. */
export interface FoundCheckpoint {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Why each newer one was passed over. */
  readonly passedOver: readonly string[];
}

type Look = { readonly bytes: Uint8Array } | { readonly problem: PeftError } | undefined;

/** Reads a checkpoint and checks that it is complete and finite. Undefined if there is none. */
async function look(path: string): Promise<Look> {
  try {
    const bytes = await readIfThere(path);
    if (!bytes) return undefined;
    parseCheckpoint(bytes, path);
    return { bytes };
  } catch (problem) {
    if (problem instanceof PeftError) return { problem };
    throw problem;
  }
}

/**
 * Writes a run's checkpoint to its folder and keeps the one before it. If it fails or is killed at any moment, the folder has a
 * complete checkpoint, the old or the new one.
 *
 * @returns the path
 * @throws PeftError `numerics` if a parameter or a moment is not finite; `write-failed`, which says what is there now
 */
export async function saveCheckpoint(trainer: Pick<Trainer, 'checkpoint'>, folder: string): Promise<string> {
  const bytes = await trainer.checkpoint();
  const path = join(folder, newest);
  const found = await look(path);
  const isWorthKeeping = found !== undefined && 'bytes' in found;
  await writeAtomic(path, bytes, isWorthKeeping ? { keep: join(folder, previous) } : {});
  return path;
}

/**
 * Finds the newest complete and finite checkpoint of a folder. Undefined if there is none.
 *
 * @throws PeftError `bad-file` if all that are there are damaged, with what is wrong with each
 */
export async function findCheckpoint(folder: string): Promise<FoundCheckpoint | undefined> {
  const passedOver: string[] = [];
  for (const name of [newest, previous]) {
    const path = join(folder, name);
    const found = await look(path);
    if (found && 'bytes' in found) return { path, bytes: found.bytes, passedOver };
    if (found) passedOver.push(found.problem.message);
  }
  if (passedOver.length === 0) return undefined;
  throw new PeftError('bad-file', `No checkpoint in ${folder} can be gone on from. ${passedOver.join(' ')}`);
}
