import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parameters, serializeSafetensors } from '@peft/core';
import { modelConfig, modelWeights } from '@peft/pico';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { maxDifference, numbers, pictures } from '../../test/compare.ts';
import { readFixture } from '../../test/fixture.ts';
import { openBackbone } from './open.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backbone-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a name', () => {
  test.each(['pico-vit', 'pico-swin'])('%s comes with weights and labels', async name => {
    const opened = await openBackbone(name);
    expect(opened).toMatchObject({ name, source: name, layout: { id: 'timm' } });
    expect(opened.labels).toEqual('airplane automobile bird cat deer dog frog horse ship truck'.split(' '));
    expect(opened.preprocessing).toMatchObject({ inputSize: [3, 32, 32], cropPct: 1, mean: [0.4914, 0.4822, 0.4465] });
    expect(await opened.weightsHash()).toMatch(/^[0-9a-f]{64}$/);
    expect(opened.model.call(tf.zeros([2, 32, 32, 3])).shape).toEqual([2, 10]);
  });

  test("a new head is drawn from the seed, and the labels are no longer the file's", async () => {
    const heads = await Promise.all(
      [1, 1, 2].map(async seed => {
        const { model, labels } = await openBackbone('pico-vit', { classes: 3, seed });
        expect(labels).toBeUndefined();
        return [...(await new Map(parameters(model)).get('head.weight')!.get())];
      }),
    );
    expect(heads[0]).toEqual(heads[1]);
    expect(heads[0]).not.toEqual(heads[2]);
  });

  test('with a file of weights, at another size', async () => {
    const weights = fileURLToPath(modelWeights('pico-vit'));
    const opened = await openBackbone('pico-vit', { weights, imageSize: 48 });
    expect(opened.preprocessing.inputSize).toEqual([3, 48, 48]);
    expect(opened.model.call(tf.zeros([1, 48, 48, 3])).shape).toEqual([1, 10]);
  });

  test('without weights it is random, and says so', async () => {
    const opened = await openBackbone('vit_tiny_patch16_224', { imageSize: 32, classes: 2 });
    expect(opened).toMatchObject({ weights: undefined, layout: undefined });
    expect(await opened.weightsHash()).toBeUndefined();
  });

  test('an unknown one is answered with the closest', async () => {
    await expect(openBackbone('vit_tini_patch16_224')).rejects.toThrow(/closest: vit_tiny_patch16_224/);
  });
});

describe('a folder', () => {
  test('of timm', async () => {
    await copyFile(modelConfig('pico-vit'), join(folder, 'config.json'));
    await copyFile(modelWeights('pico-vit'), join(folder, 'model.safetensors'));
    const [ours, packaged] = await Promise.all([openBackbone(folder), openBackbone('pico-vit')]);
    expect(ours.name).toBe('vit_tiny_patch16_224');
    expect(await ours.weightsHash()).toBe(await packaged.weightsHash());
    expect(ours.labels).toEqual(packaged.labels);
    expect(ours.preprocessing).toEqual(packaged.preprocessing);
  });

  test.each(['transformers-vit', 'transformers-deit', 'transformers-dinov2', 'transformers-swin'])(
    'of %s',
    async name => {
      const { weights, reference, metadata } = await readFixture(name);
      await writeFile(join(folder, 'config.json'), metadata.config);
      await writeFile(join(folder, 'model.safetensors'), serializeSafetensors(weights));
      const { model } = await openBackbone(folder);
      const logits = await model.call(pictures(reference)).data();
      expect(maxDifference(logits, numbers(reference, 'logits'))).toBeLessThan(1e-5);
    },
  );

  test('without a config, or without weights', async () => {
    await expect(openBackbone(folder)).rejects.toThrow(/no config\.json/);
    await copyFile(modelConfig('pico-vit'), join(folder, 'config.json'));
    await expect(openBackbone(folder)).rejects.toThrow(/no model\.safetensors/);
    await expect(openBackbone(join(folder, 'nowhere'))).rejects.toThrow(/no folder/);
  });
});
