import { createBackbone } from '@peft/backbones';
import {
  adapt,
  attachAdapterFolder,
  countParameters,
  initialize,
  key,
  Linear,
  Module,
  parameters,
  parseSafetensors,
  planAdapter,
  readAdapterFolder,
  type Tensors,
  valueAndGrads,
  writeAdapterFolder,
} from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { type Activation, type NeatOptions, neat, neatDefaults, neatLearningRate } from './index.ts';
import { neatDelta, neatDeltaWeight, neatHidden } from './maths.ts';

class Net extends Module {
  readonly qkv = new Linear(5, 12, {
    slices: { q: { start: 0, end: 4 }, k: { start: 4, end: 8 }, v: { start: 8, end: 12 } },
  });
  readonly out = new Linear(12, 3);
  readonly head = new Linear(3, 2);
  forward(x: tf.Tensor): tf.Tensor {
    return this.head.call(this.out.call(tf.tanh(this.qkv.call(x))));
  }
}

const net = (seed = 1): Net => initialize(new Net(), key(seed));
const x = tf.tensor2d([0.3, -1, 0.5, 2, -0.7, 1, 0.1, -0.4, 0.2, 0.9], [2, 5]);
const run = async (model: { call(x: tf.Tensor): tf.Tensor }): Promise<number[]> => [...(await model.call(x).data())];
const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])));

/** An adapter whose every tensor has moved away from its start. */
async function moved(options: NeatOptions, seed = 3) {
  const model = adapt(net());
  const adapter = await model.add('default', neat(options), { key: key(seed) });
  for (const [, parameter] of adapter.parameters()) {
    parameter.set((await parameter.get()).map((value, i) => value + 0.3 * Math.cos(i + 1)));
  }
  return { model, adapter };
}

const whole = ['qkv', 'out'];
const variants: [string, NeatOptions][] = [
  ['whole modules', { targets: whole, r: 2 }],
  ['slices', { targets: ['qkv[q,v]'], r: 2 }],
  ['a slice and a whole other', { targets: ['qkv[v]', 'out'], r: 3, pairs: 1 }],
  ['one pair, scaled', { targets: whole, r: 3, pairs: 1, scale: 2.5 }],
  ['two pairs of a sine', { targets: whole, r: 3, pairs: 2, act: 'sin' }],
  ['gelu, with a head', { targets: whole, r: 2, act: 'gelu', modulesToSave: ['head'] }],
  ['silu', { targets: whole, r: 2, act: 'silu', pairs: 1 }],
  ['identity', { targets: whole, r: 2, act: 'identity' }],
  ['the inputs', { targets: whole, r: 2, side: 'in', pairs: 1 }],
  ['the inputs of slices', { targets: ['qkv[q,v]'], r: 2, side: 'in' }],
];
/** Those that Hugging Face peft has no form for. */
const own = ['slices', 'a slice and a whole other', 'two pairs of a sine', 'the inputs', 'the inputs of slices'];

describe('the golden vectors, computed apart in double precision', () => {
  const S = (n: number, o: number): number[] => Array.from({ length: n }, (_, k) => Math.sin(k + 1 + o));
  const input = tf.tensor2d(
    Array.from({ length: 6 }, (_, k) => Math.cos(k + 1)),
    [2, 3],
  );
  const w0 = tf.tensor2d(S(6, 0), [3, 2]);
  const pair = (o: number): tf.Tensor => tf.tensor2d(S(4, o), [2, 2]);
  const tensors: Tensors = { A: pair(10), B: pair(20), E0: pair(30), F0: pair(40) };
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
    const config = { ...neatDefaults, ...options };
    expect(difference(await neatDelta(call, config).data(), delta)).toBeLessThan(2e-6);
    expect(difference(await tf.matMul(input, neatDeltaWeight(call, config)).data(), delta)).toBeLessThan(2e-6);
    if (hidden) expect(difference(await neatHidden(w0, tensors, config).data(), hidden)).toBeLessThan(2e-6);
    if (deltaWeight) expect(difference(await neatDeltaWeight(call, config).data(), deltaWeight)).toBeLessThan(2e-6);
  });

  test('the side of the inputs is that of the outputs of the transposed weight', async () => {
    const config = { ...neatDefaults, pairs: 1 };
    const [A, B] = [tf.tensor2d(S(6, 10), [3, 2]), tf.tensor2d(S(6, 20), [2, 3])];
    const sideways = { parameters: { ...tensors, A, B } };
    const of = neatDeltaWeight({ ...sideways, weight: () => w0 }, { ...config, side: 'in' });
    const ofTransposed = neatDeltaWeight({ ...sideways, weight: () => tf.transpose(w0) }, config);
    expect(of.shape).toEqual([3, 2]);
    expect(difference(await of.data(), await tf.transpose(ofTransposed).data())).toBeLessThan(1e-6);
  });
});

describe.each(variants)('%s', (name, options) => {
  test('changes nothing at the start', async () => {
    const before = await run(net());
    const model = adapt(net());
    await model.add('default', neat(options), { key: key(3) });
    expect(await run(model)).toEqual(before);
  });

  test('disabled, the base is exact; detached, it is pristine', async () => {
    const before = await run(net());
    const { model } = await moved(options);
    expect(difference(await run(model), before)).toBeGreaterThan(1e-3);
    model.enabled = false;
    expect(await run(model)).toEqual(before);
    model.enabled = true;
    model.detach('default');
    expect(await run(model)).toEqual(before);
    expect((model.base as Net).qkv.isPristine).toBe(true);
  });

  test('merges, and unmerges bit by bit', async () => {
    const { model } = await moved(options);
    const adapted = await run(model);
    const weight = await (model.base as Net).qkv.weight.get();
    model.merge();
    expect(await (model.base as Net).qkv.weight.get()).not.toEqual(weight);
    expect(difference(await run(model), adapted)).toBeLessThan(2e-5);
    model.unmerge();
    expect(await (model.base as Net).qkv.weight.get()).toEqual(weight);
    expect(await run(model)).toEqual(adapted);
  });

  test('is the same after a round trip through its files', async () => {
    const { model } = await moved(options);
    const files = await writeAdapterFolder(model, { backbone: 'net' });
    const again = adapt(net());
    await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [neat]));
    expect(again.get('default').method.config).toEqual(model.get('default').method.config);
    expect(await run(again)).toEqual(await run(model));
    expect(await writeAdapterFolder(again, { backbone: 'net' })).toEqual(files);
  });

  test('without peft.json it is what peft has a form for, or refused', async () => {
    const { model } = await moved(options);
    const { 'peft.json': _, ...files } = await writeAdapterFolder(model);
    const { peft_type: type } = JSON.parse(new TextDecoder().decode(files['adapter_config.json']));
    expect(type).toBe(own.includes(name) ? 'NEAT' : 'PEANUT');
    if (type === 'NEAT') {
      expect(() => readAdapterFolder(files, 'folder', [neat])).toThrow('folder holds an adapter of peft_type NEAT');
      return;
    }
    const again = adapt(net());
    await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [neat]));
    expect(await run(again)).toEqual(await run(model));
  });

  test('leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const base = net();
    const model = adapt(base);
    await model.add('default', neat(options), { key: key(3) });
    model.call(x).dispose();
    model.merge();
    model.unmerge();
    model.dispose();
    expect(tf.memory().numTensors - before).toBe([...parameters(base)].length);
  });
});

/** The gradients of a loss, by parameter. */
async function gradients(model: ReturnType<typeof adapt>): Promise<Record<string, Float32Array | undefined>> {
  const trainable = [...model.trainable()];
  const { value, grads } = valueAndGrads(
    () => tf.sum(tf.square(model.call(x))) as tf.Scalar,
    trainable.map(([, parameter]) => parameter.value),
  );
  value.dispose();
  const values = await Promise.all(grads.map(async grad => grad && ((await grad.data()) as Float32Array)));
  return Object.fromEntries(trainable.map(([path], i) => [path.replace('default/', ''), values[i] ?? undefined]));
}

const isZero = (gradient: Float32Array | undefined): boolean => !gradient || gradient.every(value => value === 0);

test('first only B and the head learn, then every tensor', async () => {
  const model = adapt(net());
  const options: NeatOptions = { targets: ['qkv[q]'], r: 3, pairs: 1, act: 'gelu', modulesToSave: ['head'] };
  const adapter = await model.add('default', neat(options), { key: key(3) });
  const learning = async (): Promise<string[]> =>
    Object.entries(await gradients(model)).flatMap(([path, gradient]) => (isZero(gradient) ? [] : [path]));
  expect(await learning()).toEqual(['qkv[q].B', 'head.weight', 'head.bias']);
  adapter.plan.bySite[0].B.set(Float32Array.from({ length: 12 }, (_, i) => Math.sin(i + 1)));
  const names = ['A', 'B', 'E0', 'F0'].map(name => `qkv[q].${name}`);
  expect((await learning()).sort()).toEqual([...names, 'head.weight', 'head.bias'].sort());
});

test.each<[Activation, NeatOptions['side']]>([
  ['gelu', 'out'],
  ['sin', 'in'],
])('gradients with %s on the side %s are those of finite differences', async (act, side) => {
  const { model, adapter } = await moved({ targets: whole, r: 2, pairs: 1, act, side });
  const analytic = await gradients(model);
  const loss = async (): Promise<number> => (await run(model)).reduce((sum, y) => sum + y * y, 0);
  const step = 1e-2;
  for (const [path, parameter] of adapter.parameters()) {
    const values = await parameter.get();
    const scale = Math.max(...analytic[path]!.map(Math.abs));
    expect(scale, path).toBeGreaterThan(1e-4);
    for (const i of [0, values.length - 1]) {
      const losses: number[] = [];
      for (const sign of [1, -1]) {
        parameter.set(values.map((value, k) => value + (k === i ? sign * step : 0)));
        losses.push(await loss());
      }
      parameter.set(values);
      const numeric = (losses[0] - losses[1]) / (2 * step);
      expect(Math.abs(numeric - analytic[path]![i]), `${path}[${i}]`).toBeLessThan(0.02 * scale + 2e-4);
    }
  }
});

test('merged beside another adapter, f still sees the frozen weight', async () => {
  const { model } = await moved({ targets: whole, r: 2 });
  const second = await model.add('second', neat({ targets: whole, r: 3, act: 'gelu' }), { key: key(4) });
  for (const { B } of second.plan.bySite) B.set((await B.get()).map((_, i) => Math.sin(i)));
  const both = await run(model);
  model.merge();
  expect(difference(await run(model), both)).toBeLessThan(2e-5);
});

test('its start depends on the key and on its own path alone', async () => {
  const valuesOf = async (options: NeatOptions): Promise<Float32Array> => {
    const adapter = await adapt(net()).add('default', neat(options), { key: key(5) });
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
  [
    { pairs: 0.5 },
    'neat: pairs is 0.5; it must be 0 or a positive integer (a depth of D layers is (D - 2) / 2 pairs).',
  ],
  [{ act: 'tanh' as Activation }, 'neat: act is "tanh"; it must be one of relu, sin, gelu, silu, identity.'],
  [{ side: 'left' as 'in' }, 'neat: side is "left"'],
  [{ scale: Number.NaN }, 'neat: scale is NaN'],
])('%j is refused', (options, message) => {
  expect(() => neat(options)).toThrow(message);
});

test('an activation that only peft has is named, with those there are', async () => {
  const { model } = await moved({ targets: whole, r: 2 });
  const { 'peft.json': _, ...files } = await writeAdapterFolder(model);
  const config = { ...JSON.parse(new TextDecoder().decode(files['adapter_config.json'])), act_fn: 'mish' };
  files['adapter_config.json'] = new TextEncoder().encode(JSON.stringify(config));
  expect(() => readAdapterFolder(files, 'folder', [neat])).toThrow(
    /act_fn is "mish"; implemented here: relu, gelu, gelu_python, silu, swish, linear/,
  );
});

test('the tensors have the names and shapes of peft', async () => {
  const { model } = await moved({ targets: ['out'], r: 2, pairs: 1 });
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
