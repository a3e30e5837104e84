import { check, closest, type Json, type JsonObject, PeftError } from '@peft/core';
import { type ConfigOf, configure, option, required, value } from '@peft/core/method';
import { splitOf } from '@peft/data';
import type { RecipeOptions } from '@peft/run';
import { plain } from '@peft/train';
import { hashOf } from './canonical.ts';
import { type Dimension, dimensionsOf, type Settings } from './dimensions.ts';

const count = value.integer({ min: 1, max: 100_000 });
const seed = value.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

/** The fields of a sweep file. */
export const sweepOptions = {
  recipe: required('The fields of a recipe that all runs share.', value.table(value.json())),
  space: required(
    'What varies: fields of recipes, or `set.NAME` for options of the method, each with a list of values or a range `{ min, max, scale, integer }`. A list of such objects joins several spaces.',
    value.either(value.table(value.json()), value.list(value.table(value.json()))),
  ),
  search: option(
    'How the space is searched: `grid`, or an object with the `kind` `random` or `asha`.',
    value.either(value.choice(['grid']), value.table(value.json())),
    'grid',
  ),
  seeds: option('The seeds that each trial runs with, so that trials are compared in pairs.', value.list(seed), [42]),
  metric: option('What ranks trials.', value.choice(['accuracy', 'meanPerClass', 'loss']), 'accuracy'),
  evalSplit: option('The split that trials are compared on; the test split is refused.', value.string(), 'val'),
  first: option(
    'Settings whose trials run before the others: a trial that has all settings of one of these. It may change between calls.',
    value.list(value.table(value.json())),
    [],
  ),
};

const drawn = {
  n: required('How many trials are drawn from each space.', count),
  seed: option('What the draws depend on.', seed, 0),
};

const scale = value.choice(['grid', 'random', 'asha']);

/** The fields of `search`, by its kind. */
export const searchOptions = {
  grid: {},
  random: drawn,
  asha: {
    ...drawn,
    min: required("The first rung, in epochs, or in steps where the recipe's length is in steps.", count),
    factor: option(
      'A rung is so many times as long as the one before, and one in so many trials goes on.',
      value.integer({ min: 2, max: 100 }),
      3,
    ),
  },
};

/** How a space is searched, with all defaults. */
export type Search =
  | { readonly kind: 'grid' }
  | ({ readonly kind: 'random' } & ConfigOf<(typeof searchOptions)['random']>)
  | ({ readonly kind: 'asha' } & ConfigOf<(typeof searchOptions)['asha']>);

/** What ranks trials. */
export type Metric = 'accuracy' | 'meanPerClass' | 'loss';

/** A sweep, checked. */
export interface Sweep {
  /** The hash of the definition. */
  readonly id: string;
  readonly recipe: RecipeOptions;
  readonly spaces: readonly (readonly Dimension[])[];
  readonly search: Search;
  readonly seeds: readonly number[];
  readonly metric: Metric;
  /** A trial that has all settings of one of these runs before the others. */
  readonly first: readonly Settings[];
  /** The definition as plain data, with all defaults. It does not have `first`, which changes no result. */
  readonly definition: JsonObject;
}

const bad = { code: 'bad-argument' } as const;

function searchOf(given: string | Readonly<Record<string, Json>>): Search {
  if (typeof given === 'string') return { kind: 'grid' };
  const { kind, ...rest } = given;
  configure('sweep: search', { kind: required('The kind.', scale) }, { kind }, bad);
  const subject = `sweep: search (${String(kind)})`;
  if (kind === 'random') return { kind, ...configure(subject, searchOptions.random, rest, bad) };
  if (kind === 'asha') return { kind, ...configure(subject, searchOptions.asha, rest, bad) };
  configure(subject, searchOptions.grid, rest, bad);
  return { kind: 'grid' };
}

/** Fields of a recipe that a sweep has elsewhere, and where. */
const elsewhere: Readonly<Record<string, string>> = {
  seed: 'seeds of the sweep',
  evalSplit: 'evalSplit of the sweep',
};

function checkFixed(recipe: Readonly<Record<string, Json>>): void {
  for (const [name, place] of Object.entries(elsewhere))
    check(recipe[name] === undefined, 'bad-argument', () => `sweep: recipe has ${name}; give it as ${place}.`);
}

/** The fields of a recipe that name pictures which a trial may see. */
const splits = ['split', 'valSplit'] as const;

/**
 * Trials are chosen by what they show, so that the test split, or what was trained on, would flatter the choice. Splits that overlap
 * under other names are found when their pictures are hashed.
 */
function checkSplits(evalSplit: string, recipe: RecipeOptions): void {
  const { split = 'train' } = recipe;
  for (const [field, named] of [
    ['evalSplit', evalSplit],
    ...splits.map(name => [`recipe.${name}`, recipe[name]]),
  ] as const)
    check(named === undefined || splitOf(named) !== 'test', 'bad-argument', () => {
      return `sweep: ${field} is ${named}; a sweep chooses by what it looks at, so that the test split stays unseen. Give another, and evaluate the best trial on test once.`;
    });
  check(evalSplit !== split, 'bad-argument', () => {
    return `sweep: evalSplit is ${evalSplit}, which is trained on; give another split.`;
  });
}

/** A name that nothing varies by would put no trial first. */
function checkFirst(first: readonly Settings[], spaces: readonly (readonly Dimension[])[]): void {
  const names = spaces.flatMap(space => space.map(({ name }) => name));
  for (const name of first.flatMap(settings => Object.keys(settings)))
    check(names.includes(name), 'bad-argument', () => {
      return `sweep: first has ${name}, by which no trial differs; closest: ${closest(name, names) ?? 'none'}.`;
    });
}

/**
 * Checks a sweep file.
 *
 * @param given the object that the file holds; `$schema` is ignored
 * @throws PeftError `bad-argument` that names what is wrong, and what is allowed there
 */
export function defineSweep(given: object): Sweep {
  const { $schema: _, ...fields } = given as JsonObject;
  const { recipe, space, search, seeds, metric, evalSplit, first } = configure('sweep', sweepOptions, fields, bad);
  check(seeds.length > 0, 'bad-argument', () => 'sweep: seeds is empty; give one at least.');
  check(new Set(seeds).size === seeds.length, 'bad-argument', () => 'sweep: seeds has one twice.');
  checkFixed(recipe);
  checkSplits(evalSplit, recipe as RecipeOptions);
  const found = searchOf(search);
  const shared = { ...recipe, evalSplit } as RecipeOptions;
  const spaces = (Array.isArray(space) ? space : [space]).map((one, i) => {
    const subject = Array.isArray(space) ? `sweep: space[${i}]` : 'sweep: space';
    return dimensionsOf(subject, one, { recipe: shared, isGrid: found.kind === 'grid' });
  });
  if (spaces.length === 0) throw new PeftError('bad-argument', 'sweep: space is an empty list; give one at least.');
  const definition = plain({ recipe, space, search: found, seeds, metric, evalSplit });
  checkFirst(first, spaces);
  return { id: hashOf(definition), recipe: shared, spaces, search: found, seeds, metric, first, definition };
}
