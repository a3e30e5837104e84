import { readFile } from 'node:fs/promises';
import { parameters } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { createBackbone, defineBackbone, exportBackbone, loadBackbone, zoo } from '../src/index.ts';
import { maxDifference, numbers, pictures } from './compare.ts';
import { readFixture } from './fixture.ts';

const { preprocessing } = zoo.vit_tiny_patch16_224;
const vit = { patchSize: 4, embedDim: 32, depth: 2, heads: 4, mlpRatio: 2, classes: 5, imageSize: [16, 16] } as const;
const swin = { patchSize: 4, embedDim: 12, depths: [2, 2], heads: [2, 4], windowSize: 4, mlpRatio: 2, classes: 5 };

const models = {
  'timm-token': createVit({}),
  'timm-avg': createVit({ globalPool: 'avg', classToken: false }),
  'timm-registers': createVit({ registerTokens: 4, embedPrefix: false, layerScale: 0.5 }),
  'timm-distilled': createVit({ distilled: true }),
  'timm-deit3': createVit({ embedPrefix: false, layerScale: 0.5 }),
  'timm-swin': () => createBackbone({ architecture: 'swin', config: { ...swin, imageSize: [32, 32] }, preprocessing }),
  'timm-swin-odd': () =>
    createBackbone({ architecture: 'swin', config: { ...swin, imageSize: [28, 36] }, preprocessing }),
};

function createVit(variation: object) {
  return () => createBackbone({ architecture: 'vit', config: { ...vit, ...variation }, preprocessing });
}

describe('forward passes equal those of timm', () => {
  test.each(Object.entries(models))('%s', async (name, create) => {
    const { weights, reference } = await readFixture(name);
    const model = create();
    expect(loadBackbone(model, { tensors: weights }, name)).toEqual({ id: 'timm', prefix: '' });
    const input = pictures(reference);
    expect(maxDifference(await model.features(input).data(), numbers(reference, 'features'))).toBeLessThan(1e-5);
    expect(maxDifference(await model.call(input).data(), numbers(reference, 'logits'))).toBeLessThan(1e-5);
    const written = await exportBackbone(model, 'timm');
    expect([...written.keys()].sort()).toEqual([...weights.keys()].sort());
    for (const [key, { shape, bytes }] of written) {
      expect(shape).toEqual(weights.get(key)?.shape);
      expect(bytes).toEqual(Uint8Array.from(weights.get(key)?.bytes ?? []));
    }
  });
});

test('position embeddings are resized as timm does, larger one way and smaller the other', async () => {
  const { weights, reference } = await readFixture('timm-token');
  const model = createBackbone({ architecture: 'vit', config: vit, preprocessing }, { imageSize: [28, 12] });
  loadBackbone(model, { tensors: weights }, 'timm-token');
  const logits = await model.call(pictures(reference, 'resampled.input')).data();
  expect(maxDifference(logits, numbers(reference, 'resampled.logits'))).toBeLessThan(1e-5);
});

test.each([
  ['larger', [48, 48], 6],
  ['smaller', [24, 16], 3],
  ['oblong', [32, 16], 4],
] as const)(
  'tables of relative positions are resized as timm does: windows %s',
  async (name, imageSize, windowSize) => {
    const { weights, reference } = await readFixture('timm-swin');
    const model = createBackbone({ architecture: 'swin', config: { ...swin, imageSize, windowSize }, preprocessing });
    loadBackbone(model, { tensors: weights }, 'timm-swin');
    const logits = await model.call(pictures(reference, `${name}.input`)).data();
    expect(maxDifference(logits, numbers(reference, `${name}.logits`))).toBeLessThan(1e-5);
  },
);

test('the zoo is that of timm: parameters, classes and preprocessing', async () => {
  const expected = JSON.parse(await readFile(new URL('./fixtures/zoo.json', import.meta.url), 'utf8'));
  const before = tf.memory().numTensors;
  const described = Object.keys(zoo)
    .filter(name => !name.startsWith('pico-'))
    .map(name => {
      const model = createBackbone(name);
      const sizes = [...parameters(model)].map(([, parameter]) => parameter.size);
      const total = sizes.reduce((sum, size) => sum + size, 0);
      return [name, { parameters: total, classes: model.classes, preprocessing: zoo[name].preprocessing }];
    });
  expect(Object.fromEntries(described)).toEqual(expected);
  expect(tf.memory().numTensors).toBe(before);
});

test('options change what is built and what its pictures look like', () => {
  const { config, preprocessing } = defineBackbone('deit_small_patch16_224', { classes: 3, imageSize: 96 });
  expect(config).toMatchObject({ classes: 3, imageSize: [96, 96], embedDim: 384 });
  expect(preprocessing.inputSize).toEqual([3, 96, 96]);
});

test('options that are undefined change nothing; sizes and classes that no model has are refused', () => {
  const same = defineBackbone('deit_small_patch16_224', { classes: undefined, imageSize: undefined });
  expect(same).toEqual(defineBackbone('deit_small_patch16_224'));
  expect(() => defineBackbone('pico-vit', { imageSize: 100_000 })).toThrow(/imageSize should be .* from 1 to 4096/);
  expect(() => defineBackbone('pico-vit', { classes: 1e9 })).toThrow(/classes should be an integer from 0 to 1000000/);
});
