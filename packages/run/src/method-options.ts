import type { Json, JsonObject } from '@peft/core';
import type { Option, Options } from '@peft/core/method';
import { type MethodEntry, methodRegistry } from './methods.ts';
import { optionSchema } from './option-schema.ts';

/** An option of a method or a recipe, as plain data for help, editors, forms and search spaces. */
export interface MethodOption {
  readonly name: string;
  /** What it does, in one sentence. */
  readonly description: string;
  /** Its allowed values in words. */
  readonly expected: string;
  /** Its allowed values as a JSON Schema. */
  readonly schema: JsonObject;
  /** The default of recipes; left out if it depends on the backbone or on the run. */
  readonly default?: Json;
  /** The default in words. */
  readonly defaultInWords: string;
}

/** The default of `modulesToSave`, unless the method's entry has its own. */
const headsInWords = "the backbone's classification heads";

/** The default of `targets` for a method that has none of its own. */
const targetsInWords = "the backbone's queries and values";

const inWords = (otherwise: Json | undefined): string => (otherwise === undefined ? 'none' : JSON.stringify(otherwise));

function methodOption(name: string, { description, value, default: own }: Option, defaults: JsonObject): MethodOption {
  const described = { name, description, expected: value.expected, schema: optionSchema(value) };
  if (name === 'modulesToSave' && defaults[name] === undefined) return { ...described, defaultInWords: headsInWords };
  const otherwise = defaults[name] ?? (own as Json | undefined);
  if (name === 'targets' && otherwise === undefined) return { ...described, defaultInWords: targetsInWords };
  return {
    ...described,
    ...(otherwise !== undefined && { default: otherwise }),
    defaultInWords: inWords(otherwise),
  };
}

/** The option `base` of methods that act on another's adapters. */
const innerMethod = (inner: string): MethodOption => ({
  name: 'base',
  description: 'The method whose adapters it acts on. That method is then given the options for its adapters.',
  expected: "a method's name, or an object of its type and config",
  schema: {
    anyOf: [
      { enum: Object.keys(methodRegistry) },
      { type: 'object', properties: { type: { type: 'string' }, config: { type: 'object' } }, required: ['type'] },
    ],
  },
  defaultInWords: `a ${inner} of the options here`,
});

/** Options as plain data. */
export const describeOptions = (options: Options, defaults: JsonObject = {}): MethodOption[] =>
  Object.entries(options).map(([name, option]) => methodOption(name, option, defaults));

/** The options that `set` takes for a method, with the defaults of recipes. */
export function methodOptions({ factory, defaults }: MethodEntry): MethodOption[] {
  const own = describeOptions(factory.options ?? {}, defaults);
  return factory.base ? [...own, innerMethod(factory.base.type)] : own;
}
