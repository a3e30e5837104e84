import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createBackbone, exportBackbone, zoo } from '@peft/backbones';
import { openBackbone } from '@peft/backbones/node';
import {
  adapt,
  fold,
  fromFloat32,
  key,
  parameters,
  parseSafetensors,
  serializeSafetensors,
  toFloat32,
} from '@peft/core';
import { drawNormal } from '@peft/core/engine';
import { saveAdapters } from '@peft/core/node';
import { lora } from '@peft/lora';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Scratch } from './peft.ts';

const scratch = new Scratch();
const at = (...parts: string[]): string => scratch.at(...parts);

const size = { imageSize: [32, 32], patchSize: 8, embedDim: 24, depth: 2, heads: 4, classes: 2 } as const;
const { preprocessing } = zoo['pico-vit'];

/** Bases whose configuration says more than an architecture's name. */
const bases = {
  timm: {
    variation: { globalPool: 'avg', classToken: false, qkvBias: false },
    layout: 'timm',
    config: {
      architecture: 'vit_tiny_patch16_224',
      num_classes: 2,
      model_args: {
        ...{ img_size: 32, patch_size: 8, embed_dim: 24, depth: 2, num_heads: 4 },
        ...{ global_pool: 'avg', class_token: false, qkv_bias: false },
      },
      pretrained_cfg: { input_size: [3, 32, 32] },
    },
  },
  transformers: {
    variation: { epsilon: 1e-12 },
    layout: 'hf',
    config: {
      model_type: 'vit',
      architectures: ['ViTForImageClassification'],
      ...{ image_size: 32, patch_size: 8, hidden_size: 24, intermediate_size: 96 },
      ...{ num_hidden_layers: 2, num_attention_heads: 4, classifier_dropout: 0.25 },
    },
  },
} as const;

/** A folder of random weights, large enough that another model gives other logits. */
async function makeBase(name: keyof typeof bases): Promise<string> {
  const { variation, layout, config } = bases[name];
  const model = createBackbone({ architecture: 'vit', config: { ...size, ...variation }, preprocessing });
  for (const [path, parameter] of parameters(model))
    parameter.set(drawNormal(fold(key(1), path), parameter.size).map(value => value * 0.2));
  mkdirSync(at(name));
  writeFileSync(at(name, 'config.json'), JSON.stringify(config));
  writeFileSync(at(name, 'model.safetensors'), serializeSafetensors(await exportBackbone(model, layout)));
  return at(name);
}

async function logits(...model: string[]): Promise<Float32Array> {
  const images = Float32Array.from({ length: 2 * 3 * 32 * 32 }, (_, i) => Math.sin(i / 50));
  writeFileSync(at('in.safetensors'), serializeSafetensors([['images', fromFloat32(images, [2, 3, 32, 32])]]));
  await scratch.json('predict', ...model, '--tensors', at('in.safetensors'), '--out', at('out.safetensors'));
  return toFloat32(parseSafetensors(readFileSync(at('out.safetensors')), 'out').tensors.get('logits')!);
}

beforeAll(async () => {
  await scratch.paint('pictures/train', 4);
  await scratch.paint('pictures/test', 2);
});
afterAll(() => rmSync(scratch.folder, { recursive: true }));

test('an update that the weights cannot hold is refused, and nothing is written', async () => {
  const { model: base } = await openBackbone('pico-vit');
  const model = adapt(base);
  for (const [name, alpha] of Object.entries({ one: 1e9, other: -1e9 })) {
    const adapter = await model.add(name, lora({ r: 1, alpha, targets: ['blocks.0.attn.qkv[q]'] }));
    for (const [path, parameter] of adapter.parameters()) parameter.set(drawNormal(fold(key(2), path), parameter.size));
  }
  await saveAdapters(model, at('opposed'), { backbone: 'pico-vit' });
  const { status, stderr } = await scratch.peft('merge', '--adapter', at('opposed'), '--out', at('lossy'));
  expect(stderr).toMatch(/The merged model differs from the adapted one by \S+ in a logit .* was not written/);
  expect(status).toBe(1);
  expect(readdirSync(scratch.folder)).not.toContain('lossy');
});

test.each(['timm', 'transformers'] as const)('a base of %s is merged into a folder of its own kind', async name => {
  const base = await makeBase(name);
  const [adapter, merged] = [at(`${name}-adapter`), at(`${name}-merged`)];
  const recipe = ['--steps', '4', '--batch', '4', '--lr', '5e-2', '--set', 'r=2'];
  await scratch.json('train', '--backbone', base, '--data', at('pictures'), ...recipe, '--out', adapter);
  const before = await logits('--adapter', adapter);
  const answer = await scratch.json<{ format: string; reopened: number }>(
    'merge',
    '--adapter',
    adapter,
    '--out',
    merged,
  );
  const after = await logits('--backbone', merged);
  for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 3);
  const config = JSON.parse(readFileSync(at(`${name}-merged`, 'config.json'), 'utf8'));
  expect(config).toMatchObject(bases[name].config);
  expect(config.label_names ?? Object.values(config.id2label)).toEqual(['above', 'below']);
  expect(answer.format).toBe(name);
  expect(answer.reopened).toBeLessThan(1e-4);

  writeFileSync(at(`${name}-merged`, 'notes.txt'), 'mine');
  const again = await scratch.peft('merge', '--adapter', adapter, '--out', merged);
  expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining('holds other files (notes.txt)') });
  expect(readdirSync(merged)).toContain('notes.txt');
});
