import type { Json, JsonObject } from '@peft/core';
import type { Option } from '@peft/core/method';
import { type MethodEntry, methodRegistry } from './methods.ts';
import { optionSchema } from './option-schema.ts';

/** An option of a method as recipes take it: plain data for help, editors, forms and search spaces. */
export interface MethodOption {
  readonly name: string;
  /** What it does, in one sentence. */
  readonly description: string;
  /** What it may be, in words. */
  readonly expected: string;
  /** What it may be, as a JSON Schema. */
  readonly schema: JsonObject;
  /** What a recipe uses unless another is given; left out where that depends on the backbone, or on the run. */
  readonly default?: Json;
  /** The default in words. */
  readonly defaultInWords: string;
}

/** What the modules that a method trains whole are, unless they are given or the method's entry names others. */
const headsInWords = "the backbone's classification heads";

/** Where a method acts that is given no targets, and has none of its own. */
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

/** `base`, of methods that act on the adapters of another. */
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

/** All that `set` takes for a method, with the defaults that recipes use. */
export function methodOptions({ factory, defaults }: MethodEntry): MethodOption[] {
  const own = Object.entries(factory.options ?? {}).map(([name, option]) => methodOption(name, option, defaults));
  return factory.base ? [...own, innerMethod(factory.base.type)] : own;
}
