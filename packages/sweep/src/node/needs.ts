import { disposeModule } from '@peft/core';
import { datasetHash } from '@peft/data';
import type { Recipe } from '@peft/run';
import { openBackboneFor, openEngine, openPictures } from '@peft/run/node';
import type { PlannedRun } from '../plan.ts';
import type { Needs } from './run-job.ts';

/** Hashes a split. */
export async function splitHash(recipe: Recipe, split: string): Promise<string> {
  const pictures = await openPictures(recipe, split);
  try {
    return await datasetHash(pictures);
  } finally {
    await pictures.close?.();
  }
}

async function weightsHash(recipe: Recipe): Promise<string | null> {
  const backbone = await openBackboneFor(recipe);
  try {
    return (await backbone.weightsHash()) ?? null;
  } finally {
    disposeModule(backbone.model);
  }
}

/** The fields that say which pictures there are; splits that are made depend on the seed. */
const picturesKey = ({ data, split, evalSplit, seed, skipBroken, maxPixels }: Recipe): string =>
  JSON.stringify([data, split, evalSplit, seed, skipBroken, maxPixels]);

const weightsKey = ({ backbone, weights, imageSize }: Recipe): string => JSON.stringify([backbone, weights, imageSize]);

/**
 * What runs need, by content: opens each data set and each backbone once.
 *
 * @throws PeftError that names what is missing or broken, before any run has started
 */
export async function needsOf(
  runs: readonly PlannedRun[],
  notice: (text: string) => void,
): Promise<(run: PlannedRun) => Needs> {
  const pictures = new Map<string, { train: string; test: string }>();
  const weights = new Map<string, string | null>();
  const engine = await openEngine({ engine: 'cpu' });
  try {
    for (const { recipe } of runs) {
      const [data, backbone] = [picturesKey(recipe), weightsKey(recipe)];
      if (!pictures.has(data)) {
        notice(`Hashing ${recipe.data}, ${recipe.split} and ${recipe.evalSplit}, seed ${recipe.seed}`);
        const [train, test] = [await splitHash(recipe, recipe.split), await splitHash(recipe, recipe.evalSplit)];
        pictures.set(data, { train, test });
      }
      if (!weights.has(backbone)) weights.set(backbone, await weightsHash(recipe));
    }
  } finally {
    await engine.dispose();
  }
  return ({ recipe }) => ({ ...pictures.get(picturesKey(recipe))!, weights: weights.get(weightsKey(recipe)) ?? null });
}
