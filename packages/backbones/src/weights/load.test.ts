import { initialize, key, PeftError, parameters, type StoredTensor } from '@peft/core';
import { describe, expect, test } from 'vitest';
import { maxDifference, numbers, pictures } from '../../test/compare.ts';
import { readFixture } from '../../test/fixture.ts';
import { createBackbone, exportBackbone, loadBackbone, zoo } from '../index.ts';

const { preprocessing } = zoo.vit_tiny_patch16_224;
const vit = { patchSize: 4, embedDim: 32, depth: 2, heads: 4, mlpRatio: 2, imageSize: [16, 16] } as const;
const swin = { patchSize: 4, embedDim: 12, depths: [2, 1], heads: [2, 4], windowSize: 4, mlpRatio: 2 };

const createVit =
  (variation: object, classes = 5) =>
  () =>
    createBackbone({ architecture: 'vit', config: { ...vit, classes, ...variation }, preprocessing });

const cases = [
  { name: 'transformers-vit', id: 'hf', prefix: 'vit.', create: createVit({ epsilon: 1e-12 }) },
  {
    name: 'transformers-deit',
    id: 'hf-distilled',
    prefix: 'deit.',
    create: createVit({ distilled: true, epsilon: 1e-12 }),
  },
  { name: 'transformers-dinov2', id: 'hf-dinov2', prefix: '', create: createVit({ layerScale: 1 }, 0) },
  {
    name: 'transformers-swin',
    id: 'hf',
    prefix: 'swin.',
    create: () =>
      createBackbone({ architecture: 'swin', config: { ...swin, classes: 5, imageSize: [32, 32] }, preprocessing }),
  },
];

describe('files of transformers', () => {
  test.each(cases)('$name: saved names, and those in memory since 5.9', async ({ name, id, prefix, create }) => {
    const { weights, reference, metadata } = await readFixture(name);
    const renamed: Record<string, string> = JSON.parse(metadata.renamed);
    const inMemory = new Map([...weights].map(([key, tensor]) => [renamed[key] ?? key, tensor]));
    for (const [tensors, layout] of [
      [weights, { id, prefix }],
      [inMemory, { id: `${id}-5.9`, prefix }],
    ] as const) {
      const model = create();
      expect(loadBackbone(model, { tensors }, name)).toEqual(layout);
      const logits = await model.call(pictures(reference)).data();
      expect(maxDifference(logits, numbers(reference, 'logits'))).toBeLessThan(1e-5);
      const written = await exportBackbone(model, layout);
      const used = [...tensors].filter(([key]) => !key.endsWith('mask_token'));
      expect([...written.keys()].sort()).toEqual(used.map(([key]) => key).sort());
      for (const [key, { bytes }] of used) expect(written.get(key)?.bytes).toEqual(Uint8Array.from(bytes));
    }
  });
});

describe('what a file may lack', () => {
  const load = (change: (weights: Map<string, StoredTensor>) => void, options = {}, classes = 5) =>
    readFixture('timm-token').then(({ weights }) => {
      change(weights);
      const model = createVit({}, classes)();
      loadBackbone(model, { tensors: weights }, 'file.safetensors', options);
      return model;
    });
  const unchanged = () => {};

  test('everything wrong is said at once, and nothing is loaded', async () => {
    const { weights } = await readFixture('timm-token');
    weights.delete('blocks.1.mlp.fc1.bias');
    weights.set('surprise', weights.get('norm.bias')!);
    weights.set('blocks.0.norm1.bias', weights.get('blocks.0.mlp.fc1.bias')!);
    const model = createVit({})();
    expect(() => loadBackbone(model, { tensors: weights }, 'file.safetensors')).toThrow(
      /1 missing: blocks\.1\.mlp\.fc1\.bias.*1 unexpected: surprise.*blocks\.0\.norm1\.bias \[64\] should be \[32\]/s,
    );
    expect([...parameters(model)].some(([, parameter]) => parameter.isMaterialized)).toBe(false);
  });

  test('a head of another size is an error', async () => {
    await expect(load(unchanged, {}, 7)).rejects.toThrow(PeftError);
  });

  test('unless a new head is wanted: then it is left to be drawn', async () => {
    const model = await load(unchanged, { newHead: true }, 7);
    const empty = [...parameters(model)].filter(([, parameter]) => !parameter.isMaterialized).map(([path]) => path);
    expect(empty).toEqual(['head.weight', 'head.bias']);
    const fresh = [...parameters(model)].filter(([, parameter]) => parameter.fresh).map(([path]) => path);
    expect(fresh).toEqual(['head.weight', 'head.bias']);
    initialize(model, key(0));
    const weight = await new Map(parameters(model)).get('head.weight')!.get();
    const bound = 1 / Math.sqrt(32);
    expect(Math.max(...weight.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.max(...weight)).toBeGreaterThan(bound * 0.9);
  });

  test('a file without a head, and a model without one', async () => {
    const model = await load(
      weights => {
        weights.delete('head.weight');
        weights.delete('head.bias');
      },
      { newHead: true },
    );
    expect(new Map(parameters(model)).get('head.weight')?.fresh).toBe(true);
    const own = await load(unchanged, { newHead: true });
    expect(new Map(parameters(own)).get('head.weight')?.fresh).toBe(false);
    expect((await load(unchanged, { newHead: true }, 0)).classifiers).toEqual([]);
  });

  test('poolers, buffers and mask tokens are ignored', async () => {
    await load(weights => weights.set('embeddings.mask_token', weights.get('cls_token')!));
  });
});

test('a Microsoft file has its mergings one stage earlier, and buffers', async () => {
  const { weights, reference } = await readFixture('timm-swin');
  const config = { ...swin, depths: [2, 2], classes: 5, imageSize: [32, 32] } as const;
  const create = () => createBackbone({ architecture: 'swin', config, preprocessing });
  const timm = create();
  loadBackbone(timm, { tensors: weights }, 'timm-swin');
  const old = await exportBackbone(timm, 'microsoft');
  expect(old.has('layers.0.downsample.reduction.weight')).toBe(true);
  expect(old.has('head.weight')).toBe(true);
  old.set('layers.0.blocks.1.attn_mask', old.get('norm.bias')!);
  const model = create();
  expect(loadBackbone(model, { tensors: old }, 'old').id).toBe('microsoft');
  const logits = await model.call(pictures(reference)).data();
  expect(maxDifference(logits, numbers(reference, 'logits'))).toBeLessThan(1e-5);
});
