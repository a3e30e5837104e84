import { createBackbone } from '@peft/backbones';
import {
  adapt,
  attachAdapterFolder,
  countParameters,
  type FolderFiles,
  fromFloat32,
  key,
  Linear,
  Module,
  parseSafetensors,
  readAdapterFolder,
  serializeSafetensors,
  toFloat32,
  writeAdapterFolder,
} from '@peft/core';
import { storedNumbers } from '@peft/core/engine';
import { planAdapter, resolveTargets } from '@peft/core/method';
import { conformance, difference, LayeredNet, Mlp, movedAdapter, layeredNet as net, run } from '@peft/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { all, cases, isRouted, lilyOfPeft, own, whole } from '../test/cases.ts';
import { type LilyOptions, lily } from './index.ts';
import { lilyDelta, lilyDeltaWeight, mixingWeights } from './lily.ts';

const tokens = (batch: number, of = 0): tf.Tensor3D =>
  tf.tensor3d(
    Array.from({ length: batch * 15 }, (_, i) => 2 * Math.sin((i + 1 + of) ** 2)),
    [batch, 3, 5],
  );

const moved = (options: LilyOptions) => movedAdapter(lily, options, net);

conformance(lily, cases, { network: net });

test.each(all.filter(({ options }) => isRouted(options)))(
  '$name: its router is why it cannot be merged',
  async ({ options }) => {
    const { model } = await moved(options);
    expect(() => model.merge()).toThrow(
      /Adapter "default" \(lily\) cannot be merged: its router mixes the experts anew/,
    );
  },
);

/** An adapter, and its files as Python would write or read them, with the method's name in them. */
async function peftFiles(options: LilyOptions) {
  const { model, adapter } = await moved(options);
  const { 'peft.json': _, ...files } = await writeAdapterFolder(model);
  const { peft_type: type } = JSON.parse(new TextDecoder().decode(files['adapter_config.json']));
  return { model, adapter, files, type };
}

test.each(lilyOfPeft)(
  '$name: without peft.json it is the same for a sample, and shares the same',
  async ({ options }) => {
    const { model, adapter, files, type } = await peftFiles(options);
    expect(type).toBe('LILY');
    const again = adapt(net());
    await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [lily]));
    const one = (): tf.Tensor => tokens(1, 7);
    expect(difference(await run(again, one), await run(model, one))).toBeLessThan(1e-5);
    const shared = [...again.get('default').plan.parameters.keys()].filter(path => !path.endsWith('.R'));
    expect(shared).toEqual([...adapter.plan.parameters.keys()].filter(path => !path.endsWith('.R')));
  },
);

test.each(own)('$name: it is refused without peft.json', async ({ options }) => {
  const { files, type } = await peftFiles(options);
  expect(type).toBe('LILY_EXTENDED');
  expect(() => readAdapterFolder(files, 'folder', [lily])).toThrow('folder holds an adapter of peft_type LILY_EXT');
});

describe('the golden vectors, computed apart in double precision', () => {
  const wave = (f: (k: number) => number, n: number, o: number): number[] =>
    Array.from({ length: n }, (_, k) => f(k + 1 + o));
  const A = tf.tensor2d(wave(Math.sin, 6, 0), [3, 2]);
  const R = tf.tensor2d(wave(Math.sin, 4, 10), [2, 2]);
  const P = tf.tensor2d(wave(Math.sin, 8, 20), [4, 2]);
  const input = tf.tensor3d(wave(Math.cos, 12, 0), [2, 2, 3]);
  const base = { ...lily().config, r: 2, nB: 2 };
  const [target] = resolveTargets(new Mlp(), { targets: ['up'] });

  test.each<[string, LilyOptions, number[], number[] | undefined]>([
    [
      'batch',
      { mixing: 'batch' },
      [0.532767, 0.161171, -0.562648, -0.195083, 0.581268, 0.22509, -0.588254, -0.250592],
      [0.500935, 0.499065],
    ],
    [
      'sample',
      {},
      [0.531339, 0.156077, -0.561424, -0.189858, 0.582263, 0.230341, -0.589, -0.255764],
      [0.503139, 0.496861, 0.498732, 0.501268],
    ],
    [
      'sample, softmax of sum',
      { pool: 'softmax-of-sum' },
      [0.527466, 0.142269, -0.558106, -0.175695, 0.583374, 0.2362, -0.589833, -0.261536],
      [0.509112, 0.490888, 0.496273, 0.503727],
    ],
    [
      'token',
      { mixing: 'token' },
      [0.712174, 0.800804, -0.406472, 0.47144, 0.709912, 0.90384, -0.493277, 0.407635],
      [0.224242, 0.775758, 0.782035, 0.217965, 0.216116, 0.783884, 0.781348, 0.218652],
    ],
    [
      'uniform',
      { mixing: 'uniform' },
      [0.533374, 0.163333, -0.563168, -0.1973, 0.581691, 0.227319, -0.58857, -0.252788],
      [0.5, 0.5],
    ],
  ])('%s', async (_, options, delta, weights) => {
    const config = { ...base, ...options };
    const result = lilyDelta({ x: input, parameters: { A, R, P }, target }, config);
    expect(result.shape).toEqual([2, 2, 2]);
    expect(difference(await result.data(), delta)).toBeLessThan(2e-6);
    const h = tf.reshape(tf.matMul(tf.reshape(input, [4, 3]), A), [2, 2, 2]);
    if (weights) expect(difference(await mixingWeights(h, R, config).data(), weights)).toBeLessThan(2e-6);
    if (config.mixing !== 'uniform') return;
    const merged = tf.matMul(tf.reshape(input, [4, 3]), lilyDeltaWeight({ A, P }, config));
    expect(difference(await merged.data(), delta)).toBeLessThan(2e-6);
  });
});

test('who shares what: A by neighbors, experts by target, routers by nobody', () => {
  const paths = (options: LilyOptions): string[] =>
    [...planAdapter(new LayeredNet(), lily(options)).parameters.keys()].sort();
  const routers = [0, 1, 2, 3].map(i => `blocks.${i}.mlp.up[k].R`);
  expect(paths({ targets: ['up[k]'], nA: 2 })).toEqual(
    ['blocks.0.mlp.up[k].A', 'blocks.2.mlp.up[k].A', 'blocks.0.mlp.up[k].P', ...routers].sort(),
  );
  expect(paths({ targets: ['up[k]'], stride: 3, router: 'target' })).toEqual(
    ['blocks.0.mlp.up[k].A', 'blocks.3.mlp.up[k].A', 'blocks.0.mlp.up[k].P', 'blocks.0.mlp.up[k].R'].sort(),
  );
  expect(paths({ targets: whole, stride: 4, mixing: 'uniform' })).toEqual(
    ['blocks.0.mlp.up.A', 'blocks.0.mlp.up.P', 'blocks.0.mlp.down.A', 'blocks.0.mlp.down.P'].sort(),
  );
  // nA that does not divide the layers: blocks of floor(4 / 3) = 1, as the authors' code
  expect(paths({ targets: ['down'], nA: 3 }).filter(path => path.endsWith('.A'))).toHaveLength(4);
});

test('a block is adapted in parallel, with a ReLU and twice the width, and never merges', async () => {
  const { model, adapter } = await moved({ targets: ['mlp'], r: 2, mixing: 'uniform', scale: 0.5 });
  const { A, P } = adapter.plan.byTarget[0].parameters;
  expect([A.shape, P.shape]).toEqual([
    [5, 4],
    [8, 5],
  ]);
  const { mlp } = (model.base as LayeredNet).blocks[0];
  const x = tokens(2);
  const adapted = await mlp.call(x).data();
  const byHand = tf.tidy(() => {
    const experts = tf.mean(tf.reshape(P.value, [2, 4, 5]), 0);
    const delta = tf.matMul(tf.relu(tf.matMul(tf.reshape(x, [6, 5]), A.value)), experts);
    return tf.mul(tf.reshape(delta, [2, 3, 5]), 0.5);
  });
  model.enabled = false;
  expect(difference(adapted, await tf.add(mlp.call(x), byHand).data())).toBeLessThan(1e-5);
  model.enabled = true;
  expect(() => model.merge()).toThrow(
    'Adapter "default" (lily) cannot be merged: blocks.0.mlp is a block without a weight.',
  );
  expect(model.isMerged).toBe(false);
});

test('by batch equals by sample for one sample; by sample and by token do not depend on the batch', async () => {
  const [first, second] = [tokens(1), tokens(1, 15)];
  const outputs = async (mixing: LilyOptions['mixing']) => {
    const { model } = await moved({ targets: whole, r: 3, mixing });
    return {
      both: await run(model, () => tokens(2)),
      one: [...(await run(model, () => first)), ...(await run(model, () => second))],
    };
  };
  const [batch, sample, token] = [await outputs('batch'), await outputs('sample'), await outputs('token')];
  expect(difference(batch.one, sample.one)).toBeLessThan(1e-6);
  expect(difference(sample.one, sample.both)).toBeLessThan(1e-6);
  expect(difference(token.one, token.both)).toBeLessThan(1e-6);
  expect(difference(batch.one, batch.both)).toBeGreaterThan(1e-4);
});

test('its start depends on the key and on the path of each tensor alone', async () => {
  const valuesOf = async (options: LilyOptions): Promise<Float32Array> => {
    const adapter = await adapt(net()).add('default', lily(options), { key: key(5) });
    return adapter.plan.parameters.get('blocks.0.mlp.down.A')!.get();
  };
  const alone = await valuesOf({ targets: ['down'], r: 2 });
  expect(await valuesOf({ targets: whole, r: 2, nB: 4, stride: 1 })).toEqual(alone);
  expect(Math.max(...alone.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(9));
});

describe('the number of parameters', () => {
  const count = (root: Module, options: LilyOptions): number =>
    countParameters(root, [planAdapter(root, lily(options))]).adapter;

  const kv = { targets: ['attn.qkv[k,v]'] };
  test.each<[string, LilyOptions, number]>([
    ['vit_base_patch16_224', {}, 198_144],
    ['vit_base_patch16_224', { nA: 3, nB: 3, r: 4 }, 74_304],
    ['vit_base_patch16_224', { nA: 4, nB: 4, r: 32 }, 792_576],
    ['vit_base_patch16_224', { nA: 6, nB: 6, r: 32 }, 1_188_864],
    ['vit_base_patch16_224', { compat: 'lily-v1', nB: 4, r: 8 }, 393_344],
    ['vit_base_patch16_224', { compat: 'lily-v1', nB: 4, r: 16 }, 786_688],
    ['vit_base_patch16_224', kv, 99_072],
    ['swin_base_patch4_window7_224', {}, 494_592],
    ['swin_base_patch4_window7_224', { r: 8 }, 247_296],
    ['swin_base_patch4_window7_224', { nA: 4, nB: 4, r: 8 }, 420_864],
  ])('of %s with %j', (name, options, expected) => {
    expect(count(createBackbone(name), options)).toBe(expected);
  });

  class Layer extends Module {
    readonly q_proj = new Linear(3072, 3072);
    readonly v_proj = new Linear(3072, 1024);
    readonly gate_proj = new Linear(3072, 8192);
    readonly up_proj = new Linear(3072, 8192);
    readonly down_proj = new Linear(8192, 3072);
    forward(): never {
      throw new Error('only its shapes are of interest');
    }
  }
  class Llama extends Module {
    readonly layers = Array.from({ length: 28 }, () => new Layer());
    forward(): never {
      throw new Error('only its shapes are of interest');
    }
  }

  test.each<[string[], number, number]>([
    [['q_proj', 'v_proj'], 896, 18_450_432],
    [['gate_proj', 'up_proj', 'down_proj'], 140, 9_485_280],
  ])("of %j of Llama 3.2 3B is that of peft's benchmark", (targets, r, expected) => {
    expect(count(new Llama(), { targets, r, stride: 14, nB: 2 })).toBe(expected);
  });
});

describe('files', () => {
  const tensorsOf = (files: FolderFiles) => parseSafetensors(files['adapter_model.safetensors'], 'file').tensors;

  test('have the names and shapes of peft, with shared tensors for every layer', async () => {
    const { model } = await moved({ targets: ['up'], r: 2, nB: 3, stride: 2 });
    const files = await writeAdapterFolder(model);
    const tensors = tensorsOf(files);
    expect(tensors.size).toBe(12);
    for (const [name, shape] of Object.entries({ A: [2, 5], B: [6, 9], router: [3, 2] })) {
      const of = (i: number) => tensors.get(`base_model.model.blocks.${i}.mlp.up.lily_${name}.weight`)!;
      expect(of(3).shape).toEqual(shape);
      expect(toFloat32(of(3))[0] === toFloat32(of(2))[0]).toBe(name !== 'router');
      expect(toFloat32(of(3))[0] === toFloat32(of(0))[0]).toBe(name === 'B');
    }
    expect(JSON.parse(new TextDecoder().decode(files['adapter_config.json']))).toMatchObject({
      r: 2,
      stride_A: 2,
      num_B: 3,
      scaling: 1,
      target_modules: ['up'],
    });
  });

  test('a shared tensor that differs between layers is named, with the layer that it belongs to', async () => {
    const { model } = await moved({ targets: ['up'], r: 2 });
    const { 'peft.json': _, ...files } = await writeAdapterFolder(model); // it would refuse other tensors than its own
    const tensors = new Map(tensorsOf(files));
    const name = 'base_model.model.blocks.1.mlp.up.lily_B.weight';
    tensors.set(name, fromFloat32(toFloat32(tensors.get(name)!).fill(1), [4, 9]));
    files['adapter_model.safetensors'] = serializeSafetensors(tensors);
    const again = adapt(net());
    await expect(attachAdapterFolder(again, readAdapterFolder(files, 'folder', [lily]))).rejects.toThrow(
      'blocks.1.mlp.up.lily_B.weight differs from blocks.0.mlp.up.lily_B.weight; these layers share one tensor',
    );
    expect(again.adapters.size).toBe(0);
  });

  test('groups that no one stride cuts are written with a stride of one', async () => {
    const strideOf = async (options: LilyOptions): Promise<number> => {
      const { model } = await moved({ r: 2, ...options });
      const files = await writeAdapterFolder(model);
      return JSON.parse(new TextDecoder().decode(files['adapter_config.json'])).stride_A;
    };
    expect(await strideOf({ targets: ['blocks.0.mlp.up', 'blocks.1.mlp.up', 'down'], nA: 1 })).toBe(4);
    expect(await strideOf({ targets: ['blocks.3.mlp.up', 'down'], nA: 2 })).toBe(2);
    const pair = { targets: String.raw`blocks\.([01]\.mlp\.up|\d\.mlp\.down)` };
    expect(await strideOf({ ...pair, nA: 2 })).toBe(1);
  });
});

test.each<[LilyOptions, string]>([
  [{ ne: 4 } as LilyOptions, 'lily has no option "ne"'],
  [{ r: 0 }, 'lily: r is 0; it must be an integer of 1 or more.'],
  [{ mlpAct: 'gelu' as 'relu' }, 'lily: mlpAct is "gelu"; it must be one of relu, identity.'],
  [{ nB: 1 }, 'lily: nB is 1; it must be an integer of 2 or more.'],
  [{ stride: 2, nA: 3 }, 'lily: stride is 2 and nA is 3; give one of them'],
  [{ mixing: 'layer' as 'batch' }, 'lily: mixing is "layer"; it must be one of sample, batch, token, uniform.'],
  [{ mixing: 'token', pool: 'softmax-of-sum' }, 'it needs mixing "sample", not "token"'],
  [{ compat: 'lily-v2' as 'lily-v1' }, 'lily: compat is "lily-v2"; it must be one of lily-v1, lily-v3.'],
  [{ scale: Number.NaN }, 'lily: scale is NaN'],
])('%j is refused', (options, message) => {
  expect(() => lily(options)).toThrow(message);
});

test('a version of the paper is a start that options change', () => {
  expect(lily({ compat: 'lily-v1' }).config).toMatchObject({
    stride: 1,
    nA: undefined,
    router: 'target',
    mixing: 'token',
  });
  expect(lily({ compat: 'lily-v1', nA: 3 }).config).toMatchObject({ stride: undefined, nA: 3, router: 'target' });
  expect(lily({ compat: 'lily-v3', mixing: 'sample' }).config).toMatchObject({
    nA: 2,
    router: 'layer',
    mixing: 'sample',
  });
});

test('a convolution is refused, as by Python', () => {
  const plan = () => planAdapter(createBackbone('pico-vit'), lily({ targets: ['qkv', 'proj'] }));
  expect(plan).toThrow(/patch_embed\.proj, a PatchProjection \(a convolution\); only linear modules and blocks/);
});

test('the numbers of a folder in the layout of peft are those of the adapter: copies of shared tensors count once', async () => {
  const { model } = await moved({ targets: whole, r: 2, stride: 2, nB: 3, mixing: 'batch' });
  const { 'peft.json': _, ...files } = await writeAdapterFolder(model);
  const [{ file, read }] = readAdapterFolder(files, 'folder', [lily]).adapters;
  const { adapter } = countParameters(model.base, [model.get('default').plan]);
  expect(storedNumbers(file, read)).toBe(adapter);
  expect(storedNumbers(file, {})).toBeGreaterThan(adapter);
});
