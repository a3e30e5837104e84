import type { JsonObject } from '@peft/core';
import { type MethodEntry, methodOptions, methodRegistry, optionSchema } from '@peft/run';
import type { Argument } from './argument.ts';
import { described } from './argument-list.ts';

/** The JSON Schema of `set` for one method. */
function settingsSchema(entry: MethodEntry): JsonObject {
  const properties = methodOptions(entry).map(
    ({ name, description, schema, default: otherwise }) =>
      [name, { description, ...schema, ...(otherwise !== undefined && { default: otherwise }) }] as const,
  );
  return { type: 'object', properties: Object.fromEntries(properties), additionalProperties: false };
}

const settingsOf = (method: string): JsonObject => ({ $ref: `#/definitions/${method}` });

/** The JSON Schema of `set`: texts `name=value`, as flags take them, or an object of options of one of these methods. */
const oneOf = (methods: readonly string[]): JsonObject => ({
  anyOf: [...methods.map(settingsOf), { type: 'array', items: { type: 'string', pattern: '^[^=]+=' } }],
});

/** The JSON Schema of each argument, with its help and its default; that of `set` has the options of these methods. */
function propertiesOf(
  known: Readonly<Record<string, Argument>>,
  methods: readonly string[],
): Record<string, JsonObject> {
  const entries = Object.entries(known).map(([name, { help, value, default: otherwise }]) => {
    const schema = name === 'set' ? oneOf(methods) : optionSchema(value);
    const isPlain = ['string', 'number', 'boolean'].includes(typeof otherwise);
    return [name, { description: help, ...schema, ...(isPlain && { default: otherwise as string }) }] as const;
  });
  return Object.fromEntries(entries);
}

/** The JSON Schema of a configuration file. */
export function configSchema(known = methodRegistry): JsonObject {
  const names = Object.keys(known);
  const properties = propertiesOf(described, names);
  const inner = described.each.entries ?? {};
  const eachOf = (name: string): JsonObject => ({
    type: 'object',
    properties: propertiesOf(inner, [name]),
    additionalProperties: false,
  });
  return {
    title: 'A configuration of peft',
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    additionalProperties: false,
    properties: {
      ...properties,
      method: { ...properties.method, enum: names },
      each: {
        description: described.each.help,
        type: 'object',
        properties: Object.fromEntries(names.map(name => [name, eachOf(name)])),
        additionalProperties: false,
      },
    },
    anyOf: [
      { not: { required: ['method'] } },
      ...names.map(name => ({ properties: { method: { const: name }, set: oneOf([name]) }, required: ['method'] })),
    ],
    definitions: Object.fromEntries(Object.entries(known).map(([name, entry]) => [name, settingsSchema(entry)])),
  };
}
