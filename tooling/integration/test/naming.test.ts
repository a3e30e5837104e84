import { type Backbone, SwinTransformer, swinTransformerDefaults, VisionTransformer } from '@peft/backbones';
import {
  type AdaptedModel,
  adapt,
  attachAdapterFolder,
  type FolderFiles,
  initialize,
  key,
  type Method,
  parseSafetensors,
  readAdapterFolder,
  writeAdapterFolder,
} from '@peft/core';
import { heat } from '@peft/heat';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

/*
 * Adapters in the names of Hugging Face transformers, before 5.9 and since: written, and read with peft.json and without it, as
 * Python's are. Python itself reads and writes them in tooling/reference.
 */

const models: Record<string, () => Backbone> = {
  vit: () =>
    new VisionTransformer({
      imageSize: [16, 16],
      patchSize: 4,
      classes: 5,
      mlpRatio: 2,
      embedDim: 12,
      depth: 2,
      heads: 3,
    }),
  swin: () =>
    new SwinTransformer({
      ...swinTransformerDefaults,
      imageSize: [16, 16],
      patchSize: 4,
      windowSize: 2,
      classes: 5,
      embedDim: 8,
      depths: [1, 1],
      heads: [2, 4],
    }),
};

const open = (name: string, id?: string): AdaptedModel => {
  const backbone = initialize(models[name](), key(1));
  backbone.naming = backbone.namings.find(naming => naming.id === id);
  return adapt(backbone);
};

const logits = async (model: AdaptedModel): Promise<number[]> => {
  const images = Float32Array.from({ length: 2 * 16 * 16 * 3 }, (_, i) => Math.sin(i));
  const y = tf.tidy(() => model.call(tf.tensor(images, [2, 16, 16, 3])));
  return [...(await y.data())];
};

async function adapted(name: string, method: Method, id?: string): Promise<AdaptedModel> {
  const model = open(name, id);
  const adapter = await model.add(method, { key: key(2) });
  for (const [, parameter] of adapter.parameters())
    parameter.set((await parameter.get()).map((value, i) => value + 0.1 * Math.cos(i)));
  return model;
}

const factories = [lora, neat, lily, heat];

async function reopened(name: string, files: FolderFiles): Promise<AdaptedModel> {
  const model = open(name);
  await attachAdapterFolder(model, readAdapterFolder(files, 'folder', factories));
  return model;
}

const configOf = (files: FolderFiles) => JSON.parse(new TextDecoder().decode(files['adapter_config.json']));
const keysOf = (files: FolderFiles) => [
  ...parseSafetensors(files['adapter_model.safetensors'], 'adapter').tensors.keys(),
];

const head = { vit: 'head', swin: 'head.fc' } as const;
const qv = ['attn.qkv[q,v]'];

describe.each([
  ['vit', 'hf', 'base_model.model.vit.encoder.layer.0.attention.attention.query.lora_A.weight', ['query', 'value']],
  ['vit', 'hf-5.9', 'base_model.model.vit.layers.0.attention.q_proj.lora_A.weight', ['q_proj', 'v_proj']],
  [
    'swin',
    'hf',
    'base_model.model.swin.encoder.layers.0.blocks.0.attention.self.query.lora_A.weight',
    ['query', 'value'],
  ],
  [
    'swin',
    'hf-5.9',
    'base_model.model.swin.encoder.layers.0.blocks.0.attention.q_proj.lora_A.weight',
    ['q_proj', 'v_proj'],
  ],
] as const)('%s in the naming %s', (name, id, firstKey, targets) => {
  const modulesToSave = [head[name]];

  test('LoRA of slices has the modules that transformers has', async () => {
    const files = await writeAdapterFolder(await adapted(name, lora({ targets: qv, r: 2, modulesToSave }), id));
    expect(keysOf(files)).toContain(firstKey);
    expect(keysOf(files)).toContain('base_model.model.classifier.weight');
    expect(configOf(files)).toMatchObject({ target_modules: targets, modules_to_save: ['classifier'], r: 2 });
    const { metadata } = parseSafetensors(files['adapter_model.safetensors'], 'adapter');
    expect(metadata).toEqual({ format: 'pt', naming: id });
  });

  test.each<[string, Method]>([
    ['LoRA of slices', lora({ targets: qv, r: 2, modulesToSave })],
    ['LoRA of whole projections', lora({ targets: ['attn.qkv', 'fc1'], r: 3, alpha: 5, bias: 'all' })],
    [
      'LoRA with other ranks',
      lora({ targets: ['attn.qkv', 'proj'], r: 3, exclude: ['patch_embed.proj'], rankPattern: { qkv: 2 } }),
    ],
    ['DoRA', lora({ targets: ['attn.qkv', 'fc2'], r: 2, dora: true, bias: 'lora_only' })],
    ['PiSSA', lora({ targets: ['attn.qkv[k]', 'fc2'], r: 2, init: 'pissa' })],
    ['NEAT', neat({ targets: qv, r: 2, pairs: 1, modulesToSave })],
    ['Lily', lily({ targets: ['attn.qkv[k,v]'], r: 2, mixing: 'batch', modulesToSave })],
  ])('%s: read on a backbone of timm, with peft.json and without it, gives the same logits', async (_, method) => {
    const model = await adapted(name, method, id);
    const before = await logits(model);
    const { 'peft.json': index, ...files } = await writeAdapterFolder(model);
    expect(keysOf(files).every(entry => /classifier|encoder|embeddings|layers|layernorm/.test(entry))).toBe(true);
    for (const folder of [{ ...files, 'peft.json': index }, files]) {
      const again = await reopened(name, folder);
      for (const [i, value] of (await logits(again)).entries()) expect(value).toBeCloseTo(before[i], 5);
      const saved = await writeAdapterFolder(again);
      expect(keysOf(saved).sort()).toEqual(keysOf(files).sort());
    }
  });

  test.each<[string, Method]>([
    ['HEAT, which Python does not have', heat({ r: 2, modulesToSave })],
    ['NEAT of a whole projection, which does not part', neat({ targets: ['attn.qkv'], r: 2, modulesToSave })],
  ])('%s keeps our names', async (_, method) => {
    const model = await adapted(name, method, id);
    const files = await writeAdapterFolder(model);
    expect(keysOf(files).some(entry => entry.includes('attn.qkv'))).toBe(true);
    const again = await reopened(name, files);
    for (const [i, value] of (await logits(again)).entries()) expect(value).toBeCloseTo((await logits(model))[i], 5);
  });
});

test('a name that transformers does not have is refused with the closest', async () => {
  const files = await writeAdapterFolder(await adapted('vit', lora({ targets: qv, r: 2 }), 'hf'));
  const config = { ...configOf(files), target_modules: ['querry'] };
  const edited: FolderFiles = { ...files, 'adapter_config.json': new TextEncoder().encode(JSON.stringify(config)) };
  const { 'peft.json': _, ...bare }: FolderFiles = edited;
  await expect(reopened('vit', bare)).rejects.toThrow(/No module matches "querry".*closest: .*query/s);
});
