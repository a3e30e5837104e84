import { check, quote } from '@peft/core';
import { readJson } from '../json-file.ts';
import { shardNames } from '../shards.ts';
import type { ModelCache } from './cache.ts';
import { maxJsonSize } from './client.ts';
import { sizeIfThere } from './files.ts';

// A model is a configuration, and weights in one file or in several that an index names.
const config = 'config.json';
const single = 'model.safetensors';
export const index = 'model.safetensors.index.json';
/** Optional: transformers writes it, timm does not. */
export const processor = 'preprocessor_config.json';

/** Weights in formats that are not read: PyTorch's pickles, NumPy's, TensorFlow's and Flax's. */
const isForeign = (path: string): boolean => /\.(bin|pth?|ckpt|npz|h5|msgpack)$/.test(path);

/** The files of a revision to download; an index then names more. Refuses a revision without a configuration or safetensors. */
export function wantedFiles(files: readonly string[], name: string, what: string): readonly string[] {
  const weights = [single, index].find(path => files.includes(path));
  const missing = [files.includes(config) ? [] : config, weights ? [] : single].flat();
  check(missing.length === 0, 'missing', () => {
    const foreign = files.filter(isForeign);
    const has = files.length > 0 ? `it has ${files.slice(0, 12).map(quote).join(', ')}` : 'it is empty';
    const absent = `${what} has no ${missing.join(', ')}; ${has}.`;
    if (weights || foreign.length === 0) return absent;
    return `${absent} Convert its weights in Python, then open the folder: AutoModelForImageClassification.from_pretrained("${name}").save_pretrained("folder") with transformers, save_for_hf(create_model("hf-hub:${name}", pretrained=True), "folder", safe_serialization=True) with timm.`;
  });
  return [config, weights!, ...(files.includes(processor) ? [processor] : [])];
}

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
