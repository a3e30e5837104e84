import { type Json, sha256Of } from '@peft/core';
import type { Recipe } from '@peft/run';
import { plain } from '@peft/train';

const sorted = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map(name => [name, sorted(value[name]!)]),
  );
};

/** A hash of plain data that does not depend on the order of fields: 16 hexadecimal digits of its SHA-256. */
export const hashOf = (data: object): string => {
  return sha256Of(new TextEncoder().encode(JSON.stringify(sorted(plain(data))))).slice(0, 16);
};

/** The id of a run: the hash of its whole recipe, seed included. The same run has the same id in any sweep. */
export const runId = (recipe: Recipe): string => hashOf(recipe);
