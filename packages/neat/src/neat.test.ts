import { createBackbone } from '@peft/backbones';
import {
  adapt,
  countParameters,
  key,
  Linear,
  Module,
  parseSafetensors,
  readAdapterFolder,
  writeAdapterFolder,
} from '@peft/core';
import { planAdapter } from '@peft/core/method';
import { conformance, difference, movedAdapter, network, run } from '@peft/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { cases, own, peanut, whole } from '../test/cases.ts';
import { type Activation, type NeatOptions, neat, neatLearningRate } from './index.ts';
import { neatDelta, neatDeltaWeight, neatHidden } from './neat.ts';

conformance(neat, cases);

/** The files of an adapter as Python would write or read them, and the method's name in them. */
async function peftFiles(options: NeatOptions) {
  const { model } = await movedAdapter(neat, options);
  const { 'peft.json': _, ...files } = await writeAdapterFolder(model);
  const { peft_type: type } = JSON.parse(new TextDecoder().decode(files['adapter_config.json']));
  return { files, type };
}

test.each(peanut)('$name: Python peft reads it as PEANUT', async ({ options }) => {
  expect((await peftFiles(options)).type).toBe('PEANUT');
});

test.each(own)('$name: it is refused without peft.json', async ({ options }) => {
  const { files, type } = await peftFiles(options);
  expect(type).toBe('NEAT');
  expect(() => readAdapterFolder(files, 'folder', [neat])).toThrow('folder holds an adapter of peft_type NEAT');
});

describe('the golden vectors, computed apart in double precision', () => {
  const S = (n: number, o: number): number[] => Array.from({ length: n }, (_, k) => Math.sin(k + 1 + o));
  const input = tf.tensor2d(
    Array.from({ length: 6 }, (_, k) => Math.cos(k + 1)),
    [2, 3],
  );
  const w0 = tf.tensor2d(S(6, 0), [3, 2]);
  const pair = (o: number): tf.Tensor => tf.tensor2d(S(4, o), [2, 2]);
  const tensors = { A: pair(10), B: pair(20), E0: pair(30), F0: pair(40) };
  const call = { x: input, parameters: tensors, weight: () => w0 };

  test.each<[string, NeatOptions, number[], number[] | undefined, number[] | undefined]>([
    [
      'phi = relu',
      {},
      [-0.703245, 0.000703, 0.731336, 0.05205],
      [0, 0.449246, 0, 0, 0.841514, 0.237742],
      [-0.380161, -0.406828, 0, 0, 0.502875, -0.222742],
    ],
    [
      'one pair',
      { pairs: 1 },
      [-0.694498, 0.010064, 0.722852, 0.042971],
      [0, 0.449246, 0, 0, 0.841514, 0.248183],
      undefined,
    ],
    ['phi = identity', { act: 'identity' }, [-1.041743, -0.309851, 1.071749, 0.262576], undefined, undefined],
  ])('%s', async (_, options, delta, hidden, deltaWeight) => {
    const config = { ...neat().config, ...options };
    expect(difference(await neatDelta(call, config).data(), delta)).toBeLessThan(2e-6);
    expect(difference(await tf.matMul(input, neatDeltaWeight(call, config)).data(), delta)).toBeLessThan(2e-6);
    if (hidden) expect(difference(await neatHidden(w0, tensors, config).data(), hidden)).toBeLessThan(2e-6);
    if (deltaWeight) expect(difference(await neatDeltaWeight(call, config).data(), deltaWeight)).toBeLessThan(2e-6);
  });

  test('the side of the inputs is that of the outputs of the transposed weight', async () => {
    const config = { ...neat().config, pairs: 1 };
    const [A, B] = [tf.tensor2d(S(6, 10), [3, 2]), tf.tensor2d(S(6, 20), [2, 3])];
    const sideways = { parameters: { ...tensors, A, B } };
    const of = neatDeltaWeight({ ...sideways, weight: () => w0 }, { ...config, side: 'in' });
    const ofTransposed = neatDeltaWeight({ ...sideways, weight: () => tf.transpose(w0) }, config);
    expect(of.shape).toEqual([3, 2]);
    expect(difference(await of.data(), await tf.transpose(ofTransposed).data())).toBeLessThan(1e-6);
  });
});

test('merged beside another adapter, f still sees the frozen weight', async () => {
  const { model } = await movedAdapter(neat, { targets: whole, r: 2 });
  const second = await model.add('second', neat({ targets: whole, r: 3, act: 'gelu' }), { key: key(4) });
  for (const {
    parameters: { B },
  } of second.plan.byTarget)
    B.set((await B.get()).map((_, i) => Math.sin(i)));
  const both = await run(model);
  model.merge();
  expect(difference(await run(model), both)).toBeLessThan(2e-5);
});

test('its start depends on the key and on its own path alone', async () => {
  const valuesOf = async (options: NeatOptions): Promise<Float32Array> => {
    const adapter = await adapt(network()).add('default', neat(options), { key: key(5) });
    return adapter.plan.parameters.get('out.A')!.get();
  };
  const alone = await valuesOf({ targets: ['out'], r: 2 });
  expect(await valuesOf({ targets: ['qkv', 'out'], r: 2, pairs: 2 })).toEqual(alone);
  expect(Math.max(...alone.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(3));
  expect(new Set(alone).size).toBe(alone.length);
});

test.each<[string, NeatOptions, number, number]>([
  ['qv, r = 7', {}, 258_048, 336_896],
  ['qv, r = 7, six layers', { pairs: 2 }, 262_752, 346_304],
  ['qv and mlp, r = 7', { targets: ['attn.qkv[q,v]', 'mlp.fc1', 'mlp.fc2'] }, 903_168, 1_179_136],
])('%s: as many parameters as counted on paper', (_, options, vit, swin) => {
  const count = (name: string): number => {
    const backbone = createBackbone(name);
    return countParameters(backbone, [planAdapter(backbone, neat(options))]).adapter;
  };
  expect(count('vit_base_patch16_224')).toBe(vit);
  expect(count('swin_base_patch4_window7_224')).toBe(swin);
});

test.each([
  [1, 229_376],
  [32, 7_340_032],
])('r = %i: as many parameters for Llama 3.2 3B as in the benchmark of peft', (r, expected) => {
  class Llama extends Module {
    readonly q_proj = Array.from({ length: 28 }, () => new Linear(3072, 3072));
    readonly v_proj = Array.from({ length: 28 }, () => new Linear(3072, 1024));
    forward(): never {
      throw new Error('only its shapes are of interest');
    }
  }
  const plan = planAdapter(new Llama(), neat({ targets: 'all-linear', r }));
  expect([...plan.parameters.values()].reduce((sum, { size }) => sum + size, 0)).toBe(expected);
});

test.each<[NeatOptions, string]>([
  [{ depth: 4 } as NeatOptions, 'neat has no option "depth"'],
  [{ r: 0 }, 'neat: r is 0'],
  [{ pairs: 0.5 }, 'neat: pairs is 0.5; it must be an integer from 0 to 1,000.'],
  [{ act: 'tanh' as Activation }, 'neat: act is "tanh"; it must be one of relu, sin, gelu, silu, identity.'],
  [{ side: 'left' as 'in' }, 'neat: side is "left"'],
  [{ scale: Number.NaN }, 'neat: scale is NaN'],
])('%j is refused', (options, message) => {
  expect(() => neat(options)).toThrow(message);
});

test('an activation that only peft has is named, with those there are', async () => {
  const { model } = await movedAdapter(neat, { targets: whole, r: 2 });
  const { 'peft.json': _, ...files } = await writeAdapterFolder(model);
  const config = { ...JSON.parse(new TextDecoder().decode(files['adapter_config.json'])), act_fn: 'mish' };
  files['adapter_config.json'] = new TextEncoder().encode(JSON.stringify(config));
  expect(() => readAdapterFolder(files, 'folder', [neat])).toThrow(
    /act_fn is "mish"; implemented here: relu, gelu, gelu_python, silu, swish, linear/,
  );
});

test('the tensors have the names and shapes of peft', async () => {
  const { model } = await movedAdapter(neat, { targets: ['out'], r: 2, pairs: 1 });
  const files = await writeAdapterFolder(model);
  const { tensors } = parseSafetensors(files['adapter_model.safetensors'], 'file');
  const prefix = 'base_model.model.out.peanut_';
  expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name.replace(prefix, ''), shape]))).toEqual({
    'A.weight': [2, 3],
    'B.weight': [3, 2],
    'encoders.0.weight': [2, 2],
    'decoders.0.weight': [2, 2],
  });
});

test('its learning rate is that of the authors', () => expect(neatLearningRate).toBe(5e-3));

test('a convolution is refused, as by Python, and how to leave it out is said', () => {
  const backbone = createBackbone('pico-vit');
  expect(() => planAdapter(backbone, neat({ targets: ['qkv', 'proj'] }))).toThrow(
    'Target "proj" matches patch_embed.proj, a PatchProjection (a convolution); only linear modules can be adapted by ' +
      'this method. To leave it out, add "patch_embed.proj" to exclude.',
  );
  const { targets } = planAdapter(backbone, neat({ targets: ['qkv', 'proj'], exclude: ['patch_embed.proj'] }));
  expect(targets).toHaveLength(12);
});
