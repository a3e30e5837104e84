import {
  type AdaptedModel,
  adapt,
  attachAdapterFolder,
  type FolderFiles,
  type MethodFactory,
  PeftError,
  readAdapterFolder,
  writeAdapterFolder,
} from '@peft/core';
import { heat } from '@peft/heat';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { pear } from '@peft/pear';
import { movedAdapter, network } from '@peft/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const factories: MethodFactory[] = [lora, neat, lily, heat, pear];
const targets = ['qkv', 'out'];

/** A valid folder of each method. */
const folders: [string, () => Promise<{ model: AdaptedModel }>][] = [
  ['lora', () => movedAdapter(lora, { targets, r: 2, rankPattern: { out: 1 }, modulesToSave: ['head'] })],
  ['neat', () => movedAdapter(neat, { targets, r: 2, pairs: 1 })],
  ['lily', () => movedAdapter(lily, { targets: ['qkv'], r: 2, nA: 1, mixing: 'batch' })],
  ['heat', () => movedAdapter(heat, { targets: ['qkv[q,v]'], r: 2, heads: 2, findings: { off: { '': [0] } } })],
  ['pear', () => movedAdapter(pear, { base: lora({ targets: ['qkv[q,k,v]'], r: 2 }), ratio: 0 })],
];

const decode = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** The places of a value: its own, and those of all that is in it. */
function placesOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner, [...path, key]))];
}

function withValue(value: unknown, [key, ...rest]: string[], replacement: unknown): unknown {
  if (key === undefined) return replacement;
  if (Array.isArray(value))
    return value.map((inner, i) => (String(i) === key ? withValue(inner, rest, replacement) : inner));
  const object = value as Record<string, unknown>;
  return { ...object, [key]: withValue(object[key], rest, replacement) };
}

const nested = (depth: number): unknown => {
  let value: unknown = {};
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { base: value, type: 'pear', config: {} };
  return value;
};

const odd = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -1, 0.5, 1e7, 1e9, 1e300, '', 'constructor', '__proto__', 'toString'),
  fc.constantFrom(
    '(.*)'.repeat(25),
    '(a*)*b',
    '(',
    'a{1000}{1000}',
    'x'.repeat(100_000),
    '(?:.{0,99}){0,99}!',
    '*',
    '.*',
  ),
  fc.constantFrom<unknown>([], {}, [[]], [null], [{}], { a: null }, JSON.parse('{ "__proto__": 1 }')),
  fc.constantFrom(
    nested(50),
    nested(2000),
    Array(20_000).fill('a'),
    Array(5000).fill('(.*)'.repeat(25)),
    Array(20_000).fill(1),
  ),
  fc.constant(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`${'(.*)'.repeat(10)}${i}`, 1]))),
  fc.jsonValue(),
);

async function open(files: FolderFiles): Promise<void> {
  const model = adapt(network());
  try {
    await attachAdapterFolder(model, readAdapterFolder(files, 'folder', factories));
  } catch (error) {
    if (!(error instanceof PeftError)) throw error;
    expect(error.message.length).toBeLessThan(5000);
  } finally {
    model.dispose();
  }
}

describe.each(folders)('a folder of %s, any field of which is anything', (_, make) => {
  test.each(['adapter_config.json', 'peft.json'])(
    '%s is read, or refused by a PeftError, within a second',
    async name => {
      const { model } = await make();
      const files = await writeAdapterFolder(model);
      // What is tied by a hash, or read by peft.json alone, is not changed in the other case.
      const { 'peft.json': __, ...alone } = files;
      const given = name === 'peft.json' ? files : alone;
      const value = decode(files[name]);
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...placesOf(value)), odd, async (place, replacement) => {
          const changed = { ...given, [name]: encode(withValue(value, place, replacement)) };
          const { user, system } = process.cpuUsage();
          await open(changed);
          const after = process.cpuUsage();
          expect((after.user - user + after.system - system) / 1e6).toBeLessThan(1);
        }),
        { numRuns: 150 },
      );
    },
    240_000,
  );
});
