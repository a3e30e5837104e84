import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { check } from '@peft/core';
import type { DescribedBackbone } from '../formats/described.ts';
import { describeTimm } from '../formats/timm.ts';
import { describeTransformers } from '../formats/transformers.ts';
import { readJson } from './json-file.ts';

/** A folder's description and the path of its weights. */
export interface ModelFolder extends DescribedBackbone {
  readonly weights: string;
}

/**
 * Reads a folder in timm's or transformers' layout: `config.json`, `model.safetensors` and, of transformers,
 * `preprocessor_config.json`.
 *
 * @param newHead whether the file's own head is not wanted
 */
export async function readModelFolder(folder: string, newHead: boolean): Promise<ModelFolder> {
  const path = join(folder, 'config.json');
  const config = await readJson(path);
  check(config !== undefined, 'missing', () => `There is no config.json in ${folder}; is it a model's folder?`);
  const weights = join(folder, 'model.safetensors');
  check(existsSync(weights), 'missing', () => {
    const sharded = existsSync(`${weights}.index.json`);
    return `There is no model.safetensors in ${folder}${sharded ? '; weights in several files are not supported' : ''}.`;
  });
  const isTransformers = typeof config === 'object' && config !== null && 'model_type' in config;
  if (!isTransformers) return { ...describeTimm(config, path), weights };
  const processor = await readJson(join(folder, 'preprocessor_config.json'));
  return { ...describeTransformers(config, path, processor, newHead), weights };
}
