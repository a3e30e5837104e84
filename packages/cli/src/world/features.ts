import { splitFeatures } from '@peft/backbones';
import { check, type Engine } from '@peft/core';
import { type CachedFeatures, cacheFeatures, type OrderedSource } from '@peft/train';
import type { Output } from '../output/output.ts';
import { bytes } from '../output/table.ts';
import type { Recipe } from '../presets.ts';
import type { OpenedModel } from './model.ts';

export interface FeatureOptions {
  opened: OpenedModel;
  engine: Engine;
  /** What to train on, and the same pictures in order. */
  source: OrderedSource;
  pictures: OrderedSource;
  recipe: Pick<Recipe, 'augment'>;
  /** Gigabytes. */
  limit: number;
}

/** Computes what enters the lowest adapted part of the model, once for each picture, for training to start from. */
export async function featuresOf(
  { opened, engine, source, pictures, recipe, limit }: FeatureOptions,
  output: Output,
  signal?: AbortSignal,
): Promise<CachedFeatures> {
  check(
    recipe.augment !== 'flip-crop',
    'bad-argument',
    () =>
      '--cache-features keeps one view of each picture, but --augment flip-crop makes another each epoch; drop one.',
  );
  const { model, backbone } = opened;
  const trained = [...model.trainable()].map(([, parameter]) => parameter);
  const split = splitFeatures(backbone.model, trained);
  const bar = output.progress('cache  ', source.labels.length);
  const onBatch = (done: number): void => bar.at(done, `features that enter ${split.name}`);
  const cached = await cacheFeatures({ split, engine, source, pictures, limit: limit * 1e9, onBatch, signal });
  bar.end(`${bytes(cached.bytes)} of features that enter ${split.name}`);
  return cached;
}
