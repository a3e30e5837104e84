import { splitFeatures } from '@peft/backbones';
import { check, type Engine } from '@peft/core';
import { type CachedFeatures, cacheFeatures, type OrderedSource } from '@peft/train';
import { emitting } from './emitting.ts';
import type { CachingEvent } from './events.ts';
import type { RunModel } from './model.ts';
import type { Recipe } from './recipe.ts';

export interface FeatureOptions {
  readonly opened: RunModel;
  readonly engine: Engine;
  /** The pictures to train on, and the same pictures in the order of the dataset. */
  readonly source: OrderedSource;
  readonly pictures: OrderedSource;
  readonly recipe: Pick<Recipe, 'augment'>;
  /** The most memory for features, in gigabytes. */
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

/** Computes the input of the lowest adapted part of the model once for each picture. Training then starts from there. */
export async function* featuresOf(
  options: FeatureOptions,
): AsyncGenerator<CachingEvent, CachedFeatures & { readonly enters: string }> {
  const { opened, engine, source, pictures, recipe, limit, signal } = options;
  check(
    recipe.augment !== 'flip-crop',
    'bad-argument',
    () => 'cacheFeatures keeps one view of each picture, but augment flip-crop makes another each epoch; drop one.',
  );
  const { model, backbone } = opened;
  const trained = [...model.trainable()].map(([, parameter]) => parameter);
  const split = splitFeatures(backbone.model, trained);
  const total = source.labels.length;
  const event = (done: number): CachingEvent => ({ type: 'caching', done, total, enters: split.name });
  const cached = yield* emitting<CachingEvent, CachedFeatures>((emit, stop) => {
    const onBatch = (done: number): void => emit(event(done));
    return cacheFeatures({ split, engine, source, pictures, limit: limit * 1e9, onBatch, signal: stop });
  }, signal);
  yield { ...event(total), bytes: cached.bytes };
  return { ...cached, enters: split.name };
}
