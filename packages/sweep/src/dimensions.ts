import { check, closest, type Json, PeftError } from '@peft/core';
import { configure, option, problemOf, required, value } from '@peft/core/method';
import { makeMethod, type Recipe, type RecipeOptions, recipeOptions, resolveRecipe } from '@peft/run';

/** The values that a field takes in a sweep: those of a list, or numbers of a range. */
export type Values = { readonly values: readonly Json[] } | { readonly range: Range };

/** A range of numbers, both ends included. */
export interface Range {
  readonly min: number;
  readonly max: number;
  /** Whether values, or their logarithms, are uniform. */
  readonly scale: 'linear' | 'log';
  readonly integer: boolean;
}

/** A field that varies. */
export type Dimension = { readonly name: string } & Values;

/** The fields of a trial that vary, by their names in the space. */
export type Settings = Readonly<Record<string, Json>>;

const rangeOptions = {
  min: required('The least value.', value.number()),
  max: required('The greatest value.', value.number()),
  scale: option('Whether values, or their logarithms, are uniform.', value.choice(['linear', 'log']), 'linear'),
  integer: option('Whether values are whole.', value.boolean(), false),
};

const setPrefix = 'set.';

/** Fields of recipes that do not vary within a sweep. */
const fixed = ['seed', 'evalSplit', 'split', 'valSplit', 'splitSeed', 'valFraction', 'set', 'stack'];

/** A recipe with the settings of a trial. */
function withSettings(recipe: RecipeOptions, settings: Settings): RecipeOptions {
  const entries = Object.entries(settings);
  const isOption = ([name]: [string, Json]): boolean => name.startsWith(setPrefix);
  const options = entries.filter(isOption).map(([name, found]) => [name.slice(setPrefix.length), found]);
  const fields = Object.fromEntries(entries.filter(entry => !isOption(entry)));
  return { ...recipe, ...fields, set: { ...recipe.set, ...Object.fromEntries(options) } };
}

/**
 * The whole recipe of a trial and a seed.
 *
 * @throws PeftError that names what is wrong, and what is allowed
 */
export function recipeOf(recipe: RecipeOptions, settings: Settings, seed: number): Recipe {
  const whole = resolveRecipe({ ...withSettings(recipe, settings), seed });
  makeMethod(whole, ['head']);
  for (const { method = '', ...choice } of Object.values(whole.stack)) makeMethod({ method, ...choice }, ['head']);
  return whole;
}

/** The range of an object, checked. */
function rangeOf(subject: string, given: object): Range {
  const range = configure(subject, rangeOptions, given, { code: 'bad-argument' });
  const { min, max, scale, integer } = range;
  check(min < max, 'bad-argument', () => `${subject}: min is ${min}, and max ${max}; min must be less.`);
  check(scale === 'linear' || min > 0, 'bad-argument', () => {
    return `${subject}: min is ${min}; a logarithmic range is of numbers above 0.`;
  });
  check(!integer || (Number.isInteger(min) && Number.isInteger(max)), 'bad-argument', () => {
    return `${subject}: min is ${min}, and max ${max}; a range of integers has integers for ends.`;
  });
  return range;
}

function valuesOf(subject: string, given: Json, isGrid: boolean): Values {
  if (Array.isArray(given)) {
    check(given.length > 0, 'bad-argument', () => `${subject} is an empty list; give a value at least.`);
    const texts = given.map(item => JSON.stringify(item));
    const twice = texts.find((text, i) => texts.indexOf(text) !== i);
    check(twice === undefined, 'bad-argument', () => `${subject} has ${twice} twice.`);
    return { values: given };
  }
  check(typeof given === 'object' && given !== null, 'bad-argument', () => {
    return `${subject} is ${JSON.stringify(given)}; it must be a list of values or a range { min, max }. What does not vary goes into recipe.`;
  });
  check(!isGrid, 'bad-argument', () => {
    return `${subject} is a range; a grid takes lists of values. Search a range with { "kind": "random", "n": 20 }.`;
  });
  return { range: rangeOf(subject, given) };
}

/** The values at which a dimension is checked: all of a list, or the ends of a range. */
const extremes = (dimension: Dimension): readonly Json[] =>
  'values' in dimension ? dimension.values : [dimension.range.min, dimension.range.max];

function checkName(subject: string, name: string): void {
  if (name.startsWith(setPrefix)) return; // the method knows its options
  check(!fixed.includes(name), 'bad-argument', () => {
    const advice = name === 'set' ? 'name an option of the method: set.r' : 'it is the same for all trials';
    return `${subject}: ${name} cannot vary; ${advice}.`;
  });
  const names = Object.keys(recipeOptions).filter(known => !fixed.includes(known));
  check(names.includes(name), 'bad-argument', () => {
    return `${subject} has no field "${name}"; closest: ${closest(name, names)}. Options of the method are written set.NAME.`;
  });
}

/** What is wrong with a trial, in its own words. */
function trialProblem(recipe: RecipeOptions, settings: Settings): string | undefined {
  try {
    recipeOf(recipe, settings, 0);
    return undefined;
  } catch (error) {
    if (error instanceof PeftError) return error.message;
    throw error;
  }
}

/** What is wrong with a value of a recipe's field, whatever the others are. */
const fieldProblem = (name: string, found: Json): string | undefined =>
  Object.hasOwn(recipeOptions, name)
    ? problemOf(name, recipeOptions[name as keyof typeof recipeOptions].value, found)
    : undefined;

/**
 * The fields that vary, checked: each value, and the ends of each range, in a recipe with each method that the space has.
 *
 * @param subject the space, for errors
 * @throws PeftError `bad-argument` that names the field, what was found, and what is allowed
 */
export function dimensionsOf(
  subject: string,
  space: Readonly<Record<string, Json>>,
  { recipe, isGrid }: { recipe: RecipeOptions; isGrid: boolean },
): Dimension[] {
  const dimensions = Object.entries(space).map(([name, given]): Dimension => {
    checkName(subject, name);
    return { name, ...valuesOf(`${subject}: ${name}`, given, isGrid) };
  });
  const problems = new Set<string>();
  for (const dimension of dimensions)
    for (const found of extremes(dimension)) {
      const problem = fieldProblem(dimension.name, found);
      if (problem) problems.add(`${subject}: ${problem}`);
    }
  if (problems.size > 0) throw new PeftError('bad-argument', [...problems].join('\n'));
  const first = Object.fromEntries(dimensions.map(dimension => [dimension.name, extremes(dimension)[0]!]));
  const methods = dimensions.find(({ name }) => name === 'method');
  for (const method of methods ? extremes(methods) : [undefined]) {
    const base = method === undefined ? first : { ...first, method };
    for (const dimension of dimensions)
      for (const found of extremes(dimension)) {
        const settings = dimension.name === 'method' ? base : { ...base, [dimension.name]: found };
        const problem = trialProblem(recipe, settings);
        if (problem) problems.add(`${subject}: ${problem.replaceAll('\n', `\n${subject}: `)}`);
      }
  }
  if (dimensions.length === 0) {
    const problem = trialProblem(recipe, {});
    if (problem) problems.add(`sweep: ${problem}`);
  }
  if (problems.size > 0) throw new PeftError('bad-argument', [...problems].join('\n'));
  return dimensions;
}
