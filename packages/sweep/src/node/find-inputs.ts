import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PeftError } from '@peft/core';
import type { Recipe } from '@peft/run';
import { picturesKey } from '@peft/run/node';
import { splitHash, splitsOf } from './needs.ts';
import { PutBack } from './queue.ts';
import type { Needs } from './run-job.ts';

/** Where a worker looks for what runs need, beside the paths of their recipes. */
export interface Places {
  /** Data sets, or folders of them. */
  readonly data: readonly string[];
  /** Files of weights, or folders of them. */
  readonly weights: readonly string[];
}

/** How long a run waits for another worker, in ms, when this one lacks something. */
const lackDelay = 5000;

const inside = async (folder: string): Promise<string[]> =>
  (await readdir(folder).catch(() => [])).sort().map(name => join(folder, name));

/** The path in a recipe, what is called like it in the places, the places themselves, and all that is in them. */
async function candidates(own: string, places: readonly string[]): Promise<string[]> {
  const alike = places.map(place => join(place, basename(own)));
  const others = (await Promise.all(places.map(inside))).flat();
  return [...new Set([own, ...alike, ...places, ...others])];
}

async function fileHash(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
    return hash.digest('hex');
  } catch {
    return undefined;
  }
}

/** Finds what runs need by its content, and remembers where it was. */
export class Finder {
  readonly #places: Places;
  readonly #found = new Map<string, string>();

  constructor(places: Places) {
    this.#places = places;
  }

  /**
   * The recipe with the paths of this machine.
   *
   * @throws PutBack that lists what is not here
   */
  async locate(recipe: Recipe, needs: Needs): Promise<Recipe> {
    const data = await this.#data(recipe, needs);
    const weights = await this.#weights(recipe, needs);
    const lacks = [
      ...(data === undefined
        ? [
            `the data ${recipe.data} (${wanted(recipe, needs)
              .map(part => part.join(' '))
              .join(', ')})`,
          ]
        : []),
      ...(weights === 'lacks' ? [`the weights ${recipe.weights} (SHA-256 ${needs.weights})`] : []),
    ];
    if (lacks.length > 0) throw lacking(lacks);
    return { ...recipe, data, ...(weights !== undefined && { weights }) };
  }

  async #data(recipe: Recipe, needs: Needs): Promise<string | undefined> {
    const { data = '' } = recipe;
    const key = JSON.stringify([{ ...needs, weights: null }, picturesKey(recipe)]);
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    for (const path of await candidates(data, this.#places.data)) {
      if (!(await holds({ ...recipe, data: path }, needs))) continue;
      this.#found.set(key, path);
      return path;
    }
    return undefined;
  }

  async #weights({ weights }: Recipe, needs: Needs): Promise<string | undefined> {
    if (weights === undefined || needs.weights === null) return weights;
    const known = this.#found.get(needs.weights);
    if (known !== undefined) return known;
    for (const path of await candidates(weights, this.#places.weights)) {
      if ((await fileHash(path)) !== needs.weights) continue;
      this.#found.set(needs.weights, path);
      return path;
    }
    return 'lacks';
  }
}

/** A run that goes back for a worker that has what it needs. */
export function lacking(what: readonly string[]): PutBack {
  return new PutBack(
    `A worker lacks ${what.join(', and ')}. Give it the folder by --data, or the file by --weights.`,
    lackDelay,
  );
}

/** The splits of a recipe, each with its hash. */
const wanted = (recipe: Recipe, needs: Needs): [split: string, hash: string | undefined][] =>
  splitsOf(recipe).map(([need, split]) => [split, needs[need]]);

/** Whether a path holds the pictures that are needed. */
async function holds(recipe: Recipe, needs: Needs): Promise<boolean> {
  try {
    for (const [split, hash] of wanted(recipe, needs)) if ((await splitHash(recipe, split)) !== hash) return false;
    return true;
  } catch (error) {
    if (error instanceof PeftError) return false; // it is something else
    throw error;
  }
}
