import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { check } from '@peft/core';
import { describeModel, isOfTransformers } from '../formats/describe-model.ts';
import type { DescribedBackbone } from '../formats/described.ts';
import { readJson } from './json-file.ts';
import { entryAt } from './regular-file.ts';

/** A folder's description and the path of its weights, or of their index. */
export interface ModelFolder extends DescribedBackbone {
  readonly weights: string;
}

/** The weights in a folder: one file, or the index of several. */
async function findWeights(folder: string): Promise<string> {
  const single = join(folder, 'model.safetensors');
  if ((await entryAt(single)).kind !== 'none') return single;
  const index = `${single}.index.json`;
  if ((await entryAt(index)).kind !== 'none') return index;
  const names = await readdir(folder);
  const pickled = names.find(name => /\.(bin|pth?|ckpt|npz)(\.index\.json)?$/.test(name));
  const advice = pickled
    ? `${pickled} is not read, as such files can hold code: in Python, load the model and write it again with ` +
      'save_pretrained(folder), or safetensors.torch.save_file(model.state_dict(), "model.safetensors").'
    : `It has ${names.slice(0, 8).join(', ')}.`;
  check(false, 'missing', () => `There is no model.safetensors in ${folder}. ${advice}`);
}

/**
 * Reads a folder in timm's or transformers' layout: `config.json`, `model.safetensors` (or several files and their index)
 * and, of transformers, `preprocessor_config.json`.
 *
 * @param newHead whether the file's own head is not wanted
 */
export async function readModelFolder(folder: string, newHead: boolean): Promise<ModelFolder> {
  const path = join(folder, 'config.json');
  const config = await readJson(path);
  check(config !== undefined, 'missing', () => `There is no config.json in ${folder}; is it a model's folder?`);
  const weights = await findWeights(folder);
  const processor = isOfTransformers(config) ? await readJson(join(folder, 'preprocessor_config.json')) : undefined;
  return { ...describeModel(config, path, processor, newHead), weights };
}
