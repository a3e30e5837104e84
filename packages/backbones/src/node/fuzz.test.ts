import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PeftError, parseSafetensors, serializeSafetensors } from '@peft/core';
import { peakMemory } from '@peft/core/node';
import { modelConfig, modelWeights } from '@peft/pico';
import {
  type Arbitrary,
  assert,
  asyncProperty,
  constantFrom,
  double,
  integer,
  jsonValue,
  oneof,
  string,
} from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFixture } from '../../test/fixture.ts';
import { openBackbone } from './open.ts';

type Json = Parameters<typeof JSON.stringify>[0];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backbone-fuzz-'));
});
afterAll(() => rm(folder, { recursive: true }));

const write = (name: string, content: Json): Promise<void> => writeFile(join(folder, name), JSON.stringify(content));

/** The paths of all values in a JSON document, of the first three in a list or of many. */
function paths(value: Json, before: readonly string[] = []): string[][] {
  const here = [[...before]];
  if (typeof value !== 'object' || value === null) return here;
  const names = Object.keys(value).slice(0, 40);
  return [...here, ...names.flatMap(name => paths(value[name], [...before, name]))];
}

function replaced(value: Json, [name, ...rest]: readonly string[], by: unknown): Json {
  if (name === undefined) return by;
  const copy = Array.isArray(value) ? [...value] : { ...value };
  copy[name] = replaced(value[name], rest, by);
  return copy;
}

const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value };
  return value;
};

/** Wrong types, huge numbers, long and deep values. */
const anything: Arbitrary<unknown> = oneof(
  jsonValue(),
  integer(),
  double({ noNaN: true, noDefaultInfinity: true }),
  string({ unit: 'binary' }),
  constantFrom<unknown>(...[0, -1, 0.5, 1e-9, 100_000, 1e9, 1e308, 2 ** 53, '', null, true, [], {}]),
  constantFrom<unknown>(...['../../x', 'constructor', '__proto__', 'x'.repeat(100_000), Array(100_000).fill(7)]),
  constantFrom(nested(1000), [[[]]], Array(100_000).fill('a'), [3, 4096, 4096], [1, 1, 1], 4096, 128, 2),
);

/** Whether opening ends well; if not, it ends in a PeftError. Within a second of this process's own time. */
async function opens(): Promise<boolean> {
  const start = process.cpuUsage();
  try {
    (await openBackbone(folder)).model.path;
    return true;
  } catch (error) {
    if (!(error instanceof PeftError)) throw error;
    expect(error.message.length).toBeLessThan(4000);
    return false;
  } finally {
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1e6).toBeLessThan(1);
  }
}

const processor = {
  ...{ image_processor_type: 'ViTImageProcessor', do_resize: true, do_rescale: true, do_normalize: true },
  ...{ size: { height: 16, width: 16 }, crop_size: 16, do_center_crop: false, resample: 2 },
  ...{ rescale_factor: 1 / 255, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
};

const documents = {
  'config.json of timm, ViT': () => timmFiles('pico-vit'),
  'config.json of timm, Swin': () => timmFiles('pico-swin'),
  'config.json of transformers, ViT': () => transformersFiles('transformers-vit', 'config.json'),
  'config.json of transformers, Swin': () => transformersFiles('transformers-swin', 'config.json'),
  'preprocessor_config.json': () => transformersFiles('transformers-vit', 'preprocessor_config.json'),
  'model.safetensors.index.json': indexFiles,
} satisfies Record<string, () => Promise<{ name: string; content: Json }>>;

async function timmFiles(name: 'pico-vit' | 'pico-swin') {
  await copyFile(modelWeights(name), join(folder, 'model.safetensors'));
  const content = JSON.parse(await readFile(modelConfig(name), 'utf8'));
  return { name: 'config.json', content };
}

async function transformersFiles(fixture: string, name: string) {
  const { weights, metadata } = await readFixture(fixture);
  await writeFile(join(folder, 'model.safetensors'), serializeSafetensors(weights));
  await write('config.json', JSON.parse(metadata.config));
  await write('preprocessor_config.json', processor);
  return { name, content: name === 'config.json' ? JSON.parse(metadata.config) : processor };
}

async function indexFiles() {
  await copyFile(modelConfig('pico-vit'), join(folder, 'config.json'));
  await rm(join(folder, 'model.safetensors'), { force: true });
  await copyFile(modelWeights('pico-vit'), join(folder, 'a.safetensors'));
  const { tensors } = parseSafetensors(await readFile(modelWeights('pico-vit')), 'pico-vit');
  const total_size = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  const places = [...tensors.keys()].map(tensor => [tensor, 'a.safetensors']);
  const content = { metadata: { total_size }, weight_map: Object.fromEntries(places) };
  return { name: 'model.safetensors.index.json', content };
}

describe.runIf(process.env.PEFT_BACKEND === 'cpu')('whatever stands in a field of', () => {
  test.each(Object.entries(documents))('%s, opening ends well or in a PeftError, soon', async (_, prepare) => {
    const { name, content } = await prepare();
    await write(name, content);
    expect(await opens()).toBe(true);
    const before = peakMemory();
    const places = constantFrom(...paths(content));
    const property = asyncProperty(places, anything, async (path, value) => {
      await write(name, replaced(content, path, value));
      await opens();
    });
    await assert(property, { numRuns: 400 });
    expect(peakMemory() - before).toBeLessThan(500 * 2 ** 20);
  });
});
