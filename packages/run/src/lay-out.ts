import { type AdapterFolder, check, imagenet, key, type Preprocessing } from '@peft/core';
import type { RunEvent } from './events.ts';
import { checkAgainstAdapter, makeMethod, methodNameOf } from './methods.ts';
import type { RunModel } from './model.ts';
import type { Session } from './options.ts';
import { type Recipe, type RecipeOptions, resolveRecipe } from './recipe.ts';

/** The preprocessing that a recipe trains and evaluates with. */
export function preprocessingOf({ augment, normalize }: Recipe, own: Preprocessing): Preprocessing {
  const squashed = augment === 'vtab' ? ({ cropMode: 'squash', cropPct: 1, interpolation: 'bicubic' } as const) : {};
  const raw = { mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const statistics = normalize === 'imagenet' ? imagenet : normalize ? {} : raw;
  return { ...own, ...squashed, ...statistics };
}

/** Adds the adapters of a recipe. */
async function* addAdapters(
  recipe: Recipe,
  { model, backbone }: RunModel,
  { methods }: Session,
): AsyncGenerator<RunEvent, void> {
  const from = key(recipe.seed);
  const { plan } = await model.add(makeMethod(recipe, backbone.model.classifiers, methods), { key: from });
  if (plan.kept.size > 0) {
    yield {
      type: 'notice',
      text: `New modules, which are trained and saved with the adapter: ${[...plan.kept].join(', ')}`,
    };
  }
  for (const [name, { method, ...choice }] of Object.entries(recipe.stack)) {
    check(method !== undefined, 'bad-argument', () => `recipe: stack["${name}"] names no method.`);
    await model.add(name, makeMethod({ method, ...choice }, [], methods), { key: from });
  }
}

/** The recipe name of the method of the saved adapter that training continues. */
function continuedMethod({ active }: RunModel['model'], given: RecipeOptions, { source }: AdapterFolder): string {
  const [first, ...others] = active.map(({ method }) => method);
  check(first, 'bad-argument', () => {
    return `${source} has no adapter in use, so that there is nothing to train; set "active" of one in its peft.json.`;
  });
  for (const method of [first, ...others]) checkAgainstAdapter(given, method, source);
  return methodNameOf(first);
}

/** Lays out the adapters of a run on its model, and completes its recipe. */
export async function* layOut(
  given: RecipeOptions,
  opened: RunModel,
  session: Session,
): AsyncGenerator<RunEvent, Recipe> {
  const { adapter, methods } = session;
  if (!adapter) {
    const recipe = resolveRecipe(given, methods);
    yield* addAdapters(recipe, opened, session);
    return recipe;
  }
  const { source, adapters } = adapter;
  const names = adapters.map(({ name, read }) => `${name} (${read.method.type})`).join(', ');
  yield { type: 'notice', text: `Adapters: ${names} from ${source}` };
  const method = continuedMethod(opened.model, given, adapter);
  return resolveRecipe({ ...given, initAdapter: given.initAdapter ?? source, method }, methods);
}
