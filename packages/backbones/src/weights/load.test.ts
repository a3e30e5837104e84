import { fromFloat32, initialize, key, PeftError, parameters, type StoredTensor, toFloat32 } from '@peft/core';
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

describe('what training tools leave in a file', () => {
  const counter: StoredTensor = { dtype: 'I64', shape: [], bytes: new Uint8Array(8) };
  const renamed = async (rename: (name: string) => string): Promise<Map<string, StoredTensor>> => {
    const { weights } = await readFixture('timm-token');
    return new Map([...weights].map(([name, tensor]) => [rename(name), tensor]));
  };
  const inside = (prefix: string) => (name: string) => prefix + name;

  test.each<[string, (name: string) => string]>([
    ['module.', inside('module.')],
    ['_orig_mod.', inside('_orig_mod.')],
    ['model.', inside('model.')],
    ['module._orig_mod.', inside('module._orig_mod.')],
    ['state_dict.model.', inside('state_dict.model.')],
    ['backbone., but the head', name => (name.startsWith('head.') ? name : `backbone.${name}`)],
  ])('names under %s', async (_, rename) => {
    const { reference } = await readFixture('timm-token');
    const tensors = (await renamed(rename)).set('n_averaged', counter).set('module.num_batches_tracked', counter);
    tensors.set('observer.scale', { dtype: 'F8_E4M3', shape: [1], bytes: new Uint8Array(1) });
    tensors.set('attn.mask', { dtype: 'BOOL', shape: [1], bytes: new Uint8Array(1) });
    const model = createVit({})();
    expect(loadBackbone(model, { tensors }, 'file')).toEqual({ id: 'timm', prefix: '' });
    const logits = await model.call(pictures(reference)).data();
    expect(maxDifference(logits, numbers(reference, 'logits'))).toBeLessThan(1e-5);
  });

  test('a prefix that only some names have is no wrapper', async () => {
    const tensors = await renamed(name => (name.startsWith('blocks.1.') ? `module.${name}` : name));
    expect(() => loadBackbone(createVit({})(), { tensors }, 'file')).toThrow(
      /12 missing: blocks\.1\..*12 unexpected: module/s,
    );
  });

  test('one tensor under two names is refused', async () => {
    const tensors = await renamed(name => `backbone.${name}`);
    tensors.set('head.weight', tensors.get('backbone.head.weight')!);
    expect(() => loadBackbone(createVit({})(), { tensors }, 'file')).toThrow(/holds head\.weight twice/);
  });

  test('doubles are read; a parameter of 8 bits is refused by name', async () => {
    const { weights, reference } = await readFixture('timm-token');
    const head = weights.get('head.weight')!;
    const doubles = Float64Array.from(toFloat32(head));
    const inDoubles = new Map(weights).set('head.weight', {
      ...head,
      dtype: 'F64',
      bytes: new Uint8Array(doubles.buffer),
    });
    const model = createVit({})();
    loadBackbone(model, { tensors: inDoubles }, 'file');
    const logits = await model.call(pictures(reference)).data();
    expect(maxDifference(logits, numbers(reference, 'logits'))).toBeLessThan(1e-5);
    const bytes = new Uint8Array(doubles.length);
    const quantized = new Map(weights).set('head.weight', { ...head, dtype: 'F8_E4M3', bytes });
    expect(() => loadBackbone(createVit({})(), { tensors: quantized }, 'file')).toThrow(
      'file: head.weight is of type F8_E4M3; weights of F64, F32, F16 and BF16 are read.',
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])(
    '%d among the weights is an error where they are first used',
    async bad => {
      const { weights, reference } = await readFixture('timm-token');
      const norm = weights.get('blocks.1.norm2.weight')!;
      const values = toFloat32(norm).slice();
      values[3] = bad;
      const model = createVit({})();
      const tensors = new Map(weights).set('blocks.1.norm2.weight', fromFloat32(values, norm.shape));
      loadBackbone(model, { tensors }, 'file');
      expect(() => model.call(pictures(reference))).toThrow(
        `file: blocks.1.norm2.weight holds ${bad}; every number must be finite.`,
      );
    },
  );
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
