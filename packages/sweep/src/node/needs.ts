import { check, disposeModule } from '@peft/core';
import { countShared, type Dataset, datasetHash, type IdentifiedDataset, identify } from '@peft/data';
import type { Recipe } from '@peft/run';
import { openBackboneFor, openEngine, openPictures, picturesKey } from '@peft/run/node';
import type { PlannedRun } from '../plan.ts';
import type { Needs } from './run-job.ts';

type Pictures = Omit<Needs, 'weights'>;

type Notice = (text: string) => void;

/** The splits of a recipe that a worker must find, by the names that needs have for them. */
export function splitsOf({ split, evalSplit, valSplit }: Recipe): [need: keyof Pictures, split: string][] {
  const always: [keyof Pictures, string][] = [
    ['train', split],
    ['test', evalSplit],
  ];
  return valSplit === undefined ? always : [...always, ['validation', valSplit]];
}

/** Hashes a split. */
export async function splitHash(recipe: Recipe, split: string): Promise<string> {
  const pictures = await openPictures(recipe, split);
  try {
    return await datasetHash(pictures);
  } finally {
    await pictures.close?.();
  }
}

/** Real data has some pictures twice; more than this part of a split is no accident. */
const accident = 0.05;

/**
 * Checks that trials are compared on pictures that were not trained on.
 *
 * @throws PeftError `bad-argument` where more than an accident is in both
 */
async function checkApart(
  { split, evalSplit }: Recipe,
  train: IdentifiedDataset,
  test: IdentifiedDataset,
  notice: Notice,
): Promise<void> {
  const { size } = test.dataset;
  const most = Math.floor(size * accident) + 1;
  const count = await countShared(test, train, most);
  check(count < most, 'bad-argument', () => {
    return `sweep: evalSplit ${evalSplit} (${test.dataset.name}) and split ${split} (${train.dataset.name}) share pictures, ${count} or more of ${size}; trials must be compared on pictures that they were not trained on. Give splits that do not overlap.`;
  });
  if (count > 0)
    notice(
      `${count} of the ${size} pictures of ${evalSplit} are in ${split} too: accuracy looks a little better than it is.`,
    );
}

/** What the splits of a recipe hold. */
async function picturesOf(recipe: Recipe, notice: Notice): Promise<Pictures> {
  const opened: Dataset[] = [];
  const open = async (split: string): Promise<IdentifiedDataset> => {
    const dataset = await openPictures(recipe, split);
    opened.push(dataset);
    return identify(dataset);
  };
  try {
    const [train, test] = [await open(recipe.split), await open(recipe.evalSplit)];
    await checkApart(recipe, train, test, notice);
    const { valSplit } = recipe;
    const validation = valSplit === undefined ? undefined : await open(valSplit);
    return { train: train.hash, test: test.hash, ...(validation && { validation: validation.hash }) };
  } finally {
    await Promise.all(opened.map(dataset => dataset.close?.()));
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

const weightsKey = ({ backbone, weights, imageSize }: Recipe): string => JSON.stringify([backbone, weights, imageSize]);

/**
 * What runs need, by content: opens each data set and each backbone once.
 *
 * @throws PeftError that names what is missing or broken, before any run has started
 */
export async function needsOf(runs: readonly PlannedRun[], notice: Notice): Promise<(run: PlannedRun) => Needs> {
  const pictures = new Map<string, Pictures>();
  const weights = new Map<string, string | null>();
  const engine = await openEngine({ engine: 'cpu' });
  try {
    for (const { recipe } of runs) {
      const [data, backbone] = [picturesKey(recipe), weightsKey(recipe)];
      if (!pictures.has(data)) {
        notice(
          `Hashing ${recipe.data}: ${splitsOf(recipe)
            .map(([, split]) => split)
            .join(', ')}`,
        );
        pictures.set(data, await picturesOf(recipe, notice));
      }
      if (!weights.has(backbone)) weights.set(backbone, await weightsHash(recipe));
    }
  } finally {
    await engine.dispose();
  }
  return ({ recipe }) => ({ ...pictures.get(picturesKey(recipe))!, weights: weights.get(weightsKey(recipe)) ?? null });
}
