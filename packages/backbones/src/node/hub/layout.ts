import { check } from '@peft/core';
import { config, index, processor, single } from '../../hub/layout.ts';
import { maxJsonSize } from '../../hub/revision.ts';
import { readJson } from '../json-file.ts';
import { shardNames } from '../shards.ts';
import type { ModelCache } from './cache.ts';
import { sizeIfThere } from './files.ts';

/** The shards that a downloaded index names. */
export async function readShards(path: string): Promise<readonly string[]> {
  const size = (await sizeIfThere(path)) ?? 0;
  check(size <= maxJsonSize, 'bad-file', () => `${path} has ${size} bytes; at most ${maxJsonSize} are read.`);
  return shardNames(await readJson(path), path);
}

/** The files of a commit that make up a model; `undefined` if one is not cached. Verifies an index before reading it. */
export async function cachedModelFiles(cache: ModelCache, commit: string): Promise<readonly string[] | undefined> {
  const isHere = async (path: string) => (await sizeIfThere(cache.pointer(commit, path))) !== undefined;
  if (!(await isHere(config))) return undefined;
  const rest = (await isHere(processor)) ? [config, processor] : [config];
  if (await isHere(single)) return [...rest, single];
  if (!(await isHere(index))) return undefined;
  await cache.verify(commit, [index]);
  const shards = await readShards(cache.pointer(commit, index));
  for (const path of shards) if (!(await isHere(path))) return undefined;
  return [...rest, index, ...shards];
}
