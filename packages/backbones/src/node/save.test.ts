import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getModule, parameters, parseSafetensors, serializeSafetensors } from '@peft/core';
import { modelWeights } from '@peft/pico';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { maxDifference, pictures } from '../../test/compare.ts';
import { readFixture } from '../../test/fixture.ts';
import { openBackbone } from './open.ts';
import { saveBackbone } from './save.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backbone-'));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (...names: string[]): string => join(folder, ...names);
const json = async (...names: string[]) => JSON.parse(await readFile(at(...names), 'utf8'));

/** A folder of a fixture's weights. */
async function base(name: string, config?: object): Promise<string> {
  const { weights, metadata } = await readFixture(name);
  await mkdir(at('base'));
  await writeFile(at('base/config.json'), config ? JSON.stringify(config) : metadata.config);
  await writeFile(at('base/model.safetensors'), serializeSafetensors(weights));
  return at('base');
}

const small = { img_size: 16, patch_size: 4, embed_dim: 32, depth: 2, num_heads: 4, mlp_ratio: 2 };
const averaging = {
  architecture: 'vit_tiny_patch16_224',
  num_classes: 5,
  model_args: { ...small, global_pool: 'avg', class_token: false, drop_path_rate: 0.1 },
  label_names: [...'abcde'],
  label_descriptions: { a: 'first' },
  pretrained_cfg: { input_size: [3, 16, 16], tag: 'mine', url: 'https://example.org', min_input_size: [3, 8, 8] },
};

describe('a backbone is written as it came', () => {
  test('of timm, with the arguments that make it', async () => {
    const opened = await openBackbone(await base('timm-avg', averaging), { classes: 3 });
    const { format, difference } = await saveBackbone(opened, at('saved'), { labels: ['x', 'y', 'z'] });
    expect({ format, small: difference < 1e-5 }).toEqual({ format: 'timm', small: true });
    const config = await json('saved/config.json');
    expect(config).toMatchObject({
      architecture: 'vit_tiny_patch16_224',
      num_classes: 3,
      global_pool: 'avg',
      model_args: averaging.model_args,
      label_names: ['x', 'y', 'z'],
      pretrained_cfg: {
        input_size: [3, 16, 16],
        num_classes: 3,
        classifier: 'head',
        tag: 'mine',
        min_input_size: [3, 8, 8],
      },
    });
    expect(config).not.toHaveProperty('label_descriptions');
    expect(config.pretrained_cfg).not.toHaveProperty('url');
    const again = await openBackbone(at('saved'));
    const { reference } = await readFixture('timm-avg');
    const [ours, theirs] = await Promise.all(
      [opened, again].map(({ model }) => model.call(pictures(reference)).data()),
    );
    expect(maxDifference(ours, theirs)).toBeLessThan(1e-6);
    expect(again.labels).toEqual(['x', 'y', 'z']);
  });

  test('of timm before it had pretrained_cfg', async () => {
    const { model_args, pretrained_cfg, ...rest } = averaging;
    const config = { ...rest, ...pretrained_cfg, model_args };
    const opened = await openBackbone(await base('timm-avg', config));
    await saveBackbone(opened, at('saved'));
    expect(await json('saved/config.json')).toMatchObject({
      label_names: [...'abcde'],
      pretrained_cfg: { tag: 'mine' },
    });
  });

  test('of transformers, with its fields, class names and preprocessing', async () => {
    const opened = await openBackbone(await base('transformers-vit'), { classes: 2 });
    const preprocessing = {
      ...opened.preprocessing,
      cropPct: 0.9,
      cropMode: 'center',
      interpolation: 'bicubic',
    } as const;
    expect(await saveBackbone(opened, at('saved'), { labels: ['cat', 'dog'], preprocessing })).toMatchObject({
      format: 'transformers',
    });
    expect(await json('saved/config.json')).toMatchObject({
      ...(await json('base/config.json')),
      id2label: { 0: 'cat', 1: 'dog' },
      label2id: { cat: 0, dog: 1 },
    });
    expect(await json('saved/preprocessor_config.json')).toMatchObject({
      size: { shortest_edge: 17 },
      crop_size: { height: 16, width: 16 },
      do_center_crop: true,
      resample: 3,
      image_mean: [0.5, 0.5, 0.5],
    });
    const again = await openBackbone(at('saved'));
    expect(again.labels).toEqual(['cat', 'dog']);
    expect(again.preprocessing).toMatchObject({ cropMode: 'center', interpolation: 'bicubic' });
    expect(Math.floor(16 / again.preprocessing.cropPct)).toBe(17);
  });

  test.each(['pico-vit', 'pico-swin'] as const)('%s of the zoo, at another size, as timm knows it', async name => {
    const weights = fileURLToPath(modelWeights(name));
    const opened = await openBackbone(name, name === 'pico-vit' ? { weights, imageSize: 40 } : { weights });
    await saveBackbone(opened, at('saved'));
    const { architecture, model_args, num_features } = await json('saved/config.json');
    expect({ architecture, model_args, num_features }).toEqual(
      name === 'pico-vit'
        ? {
            architecture: 'vit_tiny_patch16_224',
            model_args: { img_size: 40, patch_size: 4, embed_dim: 96, depth: 6 },
            num_features: 96,
          }
        : {
            architecture: 'swin_tiny_patch4_window7_224',
            model_args: {
              img_size: 32,
              patch_size: 2,
              window_size: 4,
              embed_dim: 48,
              depths: [2, 2, 2],
              num_heads: [2, 4, 8],
            },
            num_features: 192,
          },
    );
  });

  test('a name with the head of ImageNet-21k is that of timm', async () => {
    const opened = await openBackbone('vit_tiny_patch16_224_in21k', { classes: 2, imageSize: 16 });
    await saveBackbone(opened, at('saved'));
    expect((await json('saved/config.json')).architecture).toBe('vit_tiny_patch16_224');
  });
});

describe('what cannot be written leaves what was there', () => {
  test('weights and logits that are not finite', async () => {
    const opened = await openBackbone(await base('timm-avg', averaging));
    const bias = new Map(parameters(opened.model)).get('head.bias')!;
    bias.set(Float32Array.of(0, Number.NaN, 0, 0, 0));
    await expect(saveBackbone(opened, at('saved'))).rejects.toMatchObject({ code: 'numerics' });
    expect(await readdir(folder)).toEqual(['base']);
  });

  test('class names that do not fit', async () => {
    const opened = await openBackbone(await base('timm-avg', averaging));
    await expect(saveBackbone(opened, at('saved'), { labels: ['a'] })).rejects.toThrow(/has 1 names for 5 classes/);
  });

  test('a folder of other files; one of a model is replaced whole', async () => {
    const opened = await openBackbone(await base('timm-avg', averaging));
    await saveBackbone(opened, at('saved'));
    await writeFile(at('saved/preprocessor_config.json'), 'stale');
    await saveBackbone(opened, at('saved'));
    expect((await readdir(at('saved'))).sort()).toEqual(['config.json', 'model.safetensors']);
    await writeFile(at('saved/notes.txt'), 'mine');
    await expect(saveBackbone(opened, at('saved'))).rejects.toThrow(/holds other files \(notes\.txt\)/);
    await expect(saveBackbone(opened, at('base/config.json'))).rejects.toThrow(/is not a folder/);
    expect((await readdir(folder)).sort()).toEqual(['base', 'saved']);
    expect(await readFile(at('saved/notes.txt'), 'utf8')).toBe('mine');
  });

  test('a model that its configuration does not describe', async () => {
    const opened = await openBackbone(await base('timm-avg', averaging));
    getModule(opened.model, 'blocks.1').forward = x => tf.mul(x, 2); // no configuration says so
    await expect(saveBackbone(opened, at('saved'))).rejects.toThrow(/opened again it gives other logits/);
    expect(await readdir(folder)).toEqual(['base']);
  });
});

test('metadata and names of the file are those of Python', async () => {
  const opened = await openBackbone(await base('transformers-swin'));
  await saveBackbone(opened, at('saved'));
  const [before, after] = await Promise.all(
    ['base', 'saved'].map(async part => parseSafetensors(await readFile(at(part, 'model.safetensors')), part)),
  );
  expect(after.metadata).toEqual({ format: 'pt' });
  expect([...after.tensors.keys()].sort()).toEqual([...before.tensors.keys()].sort());
});
