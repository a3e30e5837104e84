import { check, fold, type Json, type Key, key } from '@peft/core';
import { runId } from './canonical.ts';
import type { Sweep } from './definition.ts';
import { type Dimension, type Range, recipeOf, type Settings } from './dimensions.ts';

/** A point of the space. */
export interface Trial {
  /** Counted from 0, in the order of the space or of the draws. */
  readonly index: number;
  readonly settings: Settings;
}

/** More trials than this are a mistake. */
const mostTrials = 100_000;

/** A number in [0, 1), of 32 bits. */
const uniform = ({ state }: Key): number => (state >>> 0) / 2 ** 32;

/** The number with four significant digits, so that recipes can be read. */
const rounded = (found: number): number => Number(found.toPrecision(4));

/** The number of a range at a place from 0 to 1. */
function at({ min, max, scale, integer }: Range, place: number): number {
  if (integer && scale === 'linear') return Math.min(max, min + Math.floor(place * (max - min + 1)));
  const found = scale === 'log' ? min * (max / min) ** place : min + place * (max - min);
  return Math.min(max, Math.max(min, integer ? Math.round(found) : rounded(found)));
}

function drawn(dimension: Dimension, from: Key): Json {
  const place = uniform(fold(from, dimension.name));
  if ('range' in dimension) return at(dimension.range, place);
  return dimension.values[Math.floor(place * dimension.values.length)]!;
}

/** Every combination of values. Their order does not depend on the order of fields: a sweep's id does not either. */
function gridOf(space: readonly Dimension[]): Settings[] {
  const dimensions = [...space].sort((a, b) => (a.name < b.name ? -1 : 1));
  const lists = dimensions.map(dimension => ('values' in dimension ? dimension.values : []));
  const size = lists.reduce((product, { length }) => product * length, 1);
  check(size <= mostTrials, 'bad-argument', () => {
    return `sweep: the grid has ${size} trials; at most ${mostTrials} are allowed. Draw some: { "kind": "random", "n": 100 }.`;
  });
  return lists.reduce<Settings[]>(
    (all, values, i) => all.flatMap(settings => values.map(found => ({ ...settings, [dimensions[i]!.name]: found }))),
    [{}],
  );
}

/** Draws per trial that is asked for; a small space may have fewer. */
const patience = 20;

/**
 * Draws different trials. A value depends on the seed, the number of the draw and the name of its field alone, so that further
 * trials or fields change none of those before.
 */
function drawsOf(
  dimensions: readonly Dimension[],
  n: number,
  from: Key,
  known: (settings: Settings) => boolean,
): Settings[] {
  const found: Settings[] = [];
  for (let draw = 0; found.length < n && draw < n * patience; draw++) {
    const stream = fold(from, draw);
    const settings = Object.fromEntries(dimensions.map(dimension => [dimension.name, drawn(dimension, stream)]));
    if (!known(settings)) found.push(settings);
  }
  return found;
}

/** The trials of a sweep, each once. */
export function trialsOf({ recipe, spaces, search, seeds }: Sweep): Trial[] {
  const [seed = 0] = seeds;
  const seen = new Set<string>();
  const known = (settings: Settings): boolean => {
    const id = runId(recipeOf(recipe, settings, seed));
    const isKnown = seen.has(id);
    seen.add(id);
    return isKnown;
  };
  const settings = spaces.flatMap((dimensions, i) =>
    search.kind === 'grid'
      ? gridOf(dimensions).filter(found => !known(found))
      : drawsOf(dimensions, search.n, fold(key(search.seed), i), known),
  );
  return settings.map((found, index) => ({ index, settings: found }));
}
