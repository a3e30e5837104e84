import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { bytesPerElement, check, quoteSome, type StoredTensor } from '@peft/core';
import { mapSafetensors } from '@peft/core/node';
import * as v from 'valibot';
import { object, parse, text, within } from '../formats/schema.ts';
import { sha256File } from './hash.ts';
import { readJson } from './json-file.ts';
import { checkRegular } from './regular-file.ts';
import { shardNames } from './shards.ts';

/** Weights on disk, in one file or several; their numbers are read when something needs them. */
export interface WeightsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /**
   * The SHA-256 in hexadecimal of what was opened: of the file; of several, of a line `<sha256>  <name>` for each, by name.
   *
   * @throws PeftError `bad-file` if a file has changed since
   */
  hash(): Promise<string>;
}

/**
 * Opens one safetensors file.
 *
 * @param source its name, for errors
 * @throws PeftError `missing` or `bad-file`
 */
async function openFile(path: string, source: string): Promise<WeightsFile> {
  await checkRegular(
    path,
    `Weights are one file: give ${join(path, 'model.safetensors')}, or the folder as the backbone.`,
  );
  const { tensors, checkUnchanged, setHash } = mapSafetensors(path, source);
  return {
    tensors,
    async hash() {
      const hash = await sha256File(path);
      checkUnchanged();
      setHash(hash);
      return hash;
    },
  };
}

const indexFields = object({
  metadata: v.nullish(object({ total_size: v.nullish(within(0, Number.MAX_SAFE_INTEGER)) })),
  weight_map: v.record(v.string(), text, 'file names by tensor'),
});

/** In bytes; not a number for a type that is not read. */
const byteSize = ({ dtype, shape }: StoredTensor): number => {
  const width = Object.entries(bytesPerElement).find(([type]) => type === dtype)?.[1] ?? Number.NaN;
  return shape.reduce((product, size) => product * size, width);
};

/**
 * Opens weights in several files, by the index that lists which tensor is in which.
 *
 * @param index the path of `model.safetensors.index.json`
 * @throws PeftError `bad-config` for a wrong index; `missing` or `bad-file` for files that are not what it says
 */
async function openShards(folder: string, index: string): Promise<WeightsFile> {
  const { metadata, weight_map: places } = parse(indexFields, await readJson(index), index);
  const names = [...shardNames({ weight_map: places }, index)].sort();
  const shards = await Promise.all(
    names.map(async name => ({ name, ...(await openFile(join(folder, name), join(folder, name))) })),
  );
  const tensors = new Map<string, StoredTensor>();
  let bytes = 0;
  for (const { name, tensors: found } of shards) {
    const twice = [...found.keys()].filter(tensor => tensors.has(tensor));
    check(twice.length === 0, 'bad-file', () => `${index}: ${quoteSome(twice)} of ${name} are in another file too.`);
    const unlisted = [...found.keys()].filter(tensor => places[tensor] !== name);
    check(
      unlisted.length === 0,
      'bad-file',
      () => `${index} does not list ${quoteSome(unlisted)} in ${name}, which has them.`,
    );
    for (const [tensor, stored] of found) {
      tensors.set(tensor, stored);
      bytes += byteSize(stored);
    }
  }
  const missing = Object.keys(places).filter(tensor => !tensors.has(tensor));
  check(missing.length === 0, 'bad-file', () => `${index} lists ${quoteSome(missing)}, which its files do not have.`);
  const total = metadata?.total_size ?? bytes;
  check(
    total === bytes || Number.isNaN(bytes),
    'bad-file',
    () => `${index}: total_size is ${total}, but its files hold tensors of ${bytes} bytes. Is a file of another model?`,
  );
  return {
    tensors,
    async hash() {
      const lines: string[] = [];
      for (const { name, hash } of shards) lines.push(`${await hash()}  ${name}\n`);
      return createHash('sha256').update(lines.join('')).digest('hex');
    },
  };
}

/**
 * Opens weights: a safetensors file, or the index of several.
 *
 * @param source their name, for errors
 * @throws PeftError `missing`, `bad-file` or `bad-config`
 */
export const openWeights = (path: string, source: string): Promise<WeightsFile> =>
  path.endsWith('.safetensors.index.json') ? openShards(join(path, '..'), path) : openFile(path, source);
