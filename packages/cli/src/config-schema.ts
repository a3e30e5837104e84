import type { JsonObject } from '@peft/core';
import { type MethodEntry, methodOptions, methodRegistry } from '@peft/run';
import { toJsonSchema } from '@valibot/to-json-schema';
import type { DescribedArgument } from './argument.ts';
import { described } from './argument-list.ts';
import { configFile } from './arguments.ts';

type Properties = Record<string, JsonObject>;

/** What `set` may hold for one method, by the options of that method. */
function settingsSchema(entry: MethodEntry): JsonObject {
  const properties = methodOptions(entry).map(
    ({ name, description, schema, default: otherwise }) =>
      [name, { description, ...schema, ...(otherwise !== undefined && { default: otherwise }) }] as const,
  );
  return { type: 'object', properties: Object.fromEntries(properties), additionalProperties: false };
}

const settingsOf = (method: string): JsonObject => ({ $ref: `#/definitions/${method}` });

/** `name=value` texts, as flags have them, or an object for one of these methods. */
const oneOf = (methods: readonly string[]): JsonObject => ({
  anyOf: [...methods.map(settingsOf), { type: 'array', items: { type: 'string', pattern: '^[^=]+=' } }],
});

/** The same properties, each with the help of the argument of its name. */
function withHelp(properties: Properties): Properties {
  const known: Readonly<Record<string, DescribedArgument>> = described;
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, { description: known[name].help, ...property }]),
  );
}

/** The JSON Schema of what `each` holds for a method: the arguments that it takes, with that method's options. */
const eachOf = (method: string, each: { properties: Properties }): JsonObject => {
  const properties = withHelp(each.properties);
  return {
    ...each,
    properties: { ...properties, set: { description: properties.set.description, ...oneOf([method]) } },
  };
};

/** The JSON Schema of a configuration file. */
export function configSchema(known = methodRegistry): JsonObject {
  const names = Object.keys(known);
  const { properties: converted, ...rest } = toJsonSchema(configFile, {
    typeMode: 'input',
    overrideSchema: ({ valibotSchema }) => (valibotSchema.type === 'custom' ? {} : undefined),
  }) as unknown as JsonObject & { properties: Properties };
  const properties = withHelp(converted);
  const { additionalProperties: each, ...byMethod } = properties.each as JsonObject & {
    additionalProperties: JsonObject & { properties: Properties };
  };
  return {
    title: 'A configuration of peft',
    ...rest,
    properties: {
      ...properties,
      method: { ...properties.method, enum: names },
      set: { description: properties.set.description, ...oneOf(names) },
      each: {
        ...byMethod,
        properties: Object.fromEntries(names.map(name => [name, eachOf(name, each)])),
        additionalProperties: false,
      },
    },
    anyOf: [
      { not: { required: ['method'] } },
      ...names.map(name => ({ properties: { method: { const: name }, set: oneOf([name]) }, required: ['method'] })),
    ],
    definitions: Object.fromEntries(names.map(name => [name, settingsSchema(known[name])])),
  };
}
