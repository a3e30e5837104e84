import type { Json, JsonObject } from '@peft/core';

/** A field in which two runs differ; undefined where one of them does not have it. */
export interface Difference {
  /** Its path: `optimizer.lr`. */
  readonly field: string;
  readonly saved: Json | undefined;
  readonly now: Json | undefined;
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The fields of an object at any depth, by path. Lists count as one field. */
function fieldsOf(object: JsonObject, prefix = ''): [string, Json][] {
  return Object.entries(object).flatMap(([name, value]): [string, Json][] =>
    isObject(value) ? fieldsOf(value, `${prefix}${name}.`) : [[prefix + name, value]],
  );
}

/** The object as JSON holds it. */
export const plain = (object: object): JsonObject => JSON.parse(JSON.stringify(object)) as JsonObject;

/** All fields in which a saved recipe and this one differ. */
export function differencesOf(saved: JsonObject, now: JsonObject): Difference[] {
  const [before, after] = [new Map(fieldsOf(saved)), new Map(fieldsOf(now))];
  return [...new Set([...before.keys(), ...after.keys()])]
    .map(field => ({ field, saved: before.get(field), now: after.get(field) }))
    .filter(difference => JSON.stringify(difference.saved) !== JSON.stringify(difference.now));
}

const shown = (value: Json | undefined): string => (value === undefined ? 'not set' : JSON.stringify(value));

/** `optimizer.lr: 0.001 in the checkpoint, 0.01 now` */
export const describeDifference = ({ field, saved, now }: Difference): string =>
  `${field}: ${shown(saved)} in the checkpoint, ${shown(now)} now`;
