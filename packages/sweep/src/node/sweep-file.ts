import { join } from 'node:path';
import { check, PeftError } from '@peft/core';
import { readIfThere, readRegular, writeAtomic } from '@peft/core/node';
import { parseObject } from '@peft/run';
import { differencesOf } from '@peft/train';
import { defineSweep, type Sweep } from '../definition.ts';

/** The name of the definition in the folder of a sweep. */
const name = 'sweep.json';

const read = (bytes: Uint8Array, path: string): Sweep =>
  defineSweep(parseObject(new TextDecoder().decode(bytes), path));

/**
 * Reads a sweep file.
 *
 * @throws PeftError `missing`, `bad-file` for what is not JSON, or `bad-argument` that says what is wrong in it
 */
export async function readSweep(path: string): Promise<Sweep> {
  return read(await readRegular(path), path);
}

async function definitionIn(folder: string): Promise<Sweep | undefined> {
  const path = join(folder, name);
  const bytes = await readIfThere(path);
  return bytes && read(bytes, path);
}

/**
 * The sweep of a folder.
 *
 * @throws PeftError `missing` if it holds none
 */
export async function sweepIn(folder: string): Promise<Sweep> {
  const found = await definitionIn(folder);
  if (found) return found;
  throw new PeftError('missing', `${folder} holds no sweep (${name}); give the folder that peft sweep --out names.`);
}

const shown = (value: unknown): string => (value === undefined ? 'not set' : JSON.stringify(value));

/**
 * Checks that a folder is free for a sweep, or has it already.
 *
 * @throws PeftError `state` if the folder has another sweep, with each field that differs
 */
export async function checkDefinition(folder: string, sweep: Sweep): Promise<void> {
  const before = await definitionIn(folder);
  check(before === undefined || before.id === sweep.id, 'state', () => {
    const differences = differencesOf(before?.definition ?? {}, sweep.definition).map(
      ({ field, saved, now }) => `${field} was ${shown(saved)} and is ${shown(now)}`,
    );
    return `${folder} holds another sweep: ${differences.join('; ')}. Choose another folder (--out), or leave the file as it was.`;
  });
}

/** Keeps the definition in the folder of the sweep. */
export const keepDefinition = (folder: string, { definition }: Sweep): Promise<void> =>
  writeAtomic(join(folder, name), `${JSON.stringify(definition, null, 2)}\n`);
