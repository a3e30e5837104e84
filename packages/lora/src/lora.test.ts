import {
  adapt,
  attachAdapterFolder,
  initialize,
  key,
  Linear,
  type Method,
  Module,
  parseSafetensors,
  readAdapterFolder,
  writeAdapterFolder,
} from '@peft/core';
import { backbone, conformance, movedAdapter, network } from '@peft/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { cases } from '../test/cases.ts';
import { type LoraOptions, lora } from './index.ts';
import { principalFactors } from './svd.ts';

conformance(lora, cases);

test('the golden vector of methods.md: s x A B', async () => {
  const S = (n: number, o: number): number[] => Array.from({ length: n }, (_, k) => Math.sin(k + 1 + o));
  const C = (n: number, o: number): number[] => Array.from({ length: n }, (_, k) => Math.cos(k + 1 + o));
  const target = new Linear(3, 2);
  const model = adapt(initialize(new Wrap(target), key(0)));
  const adapter = await model.add('default', lora({ targets: ['target'], r: 2, alpha: 1 }), { key: key(0) });
  const [
    {
      parameters: { A, B },
    },
  ] = adapter.plan.byTarget;
  A.set(Float32Array.from(S(6, 0)));
  B.set(Float32Array.from(S(4, 10)));
  target.weight.set(new Float32Array(6));
  target.bias?.set(new Float32Array(2));
  const y = await model.call(tf.tensor2d(C(6, 0), [2, 3])).data();
  expect([...y].map(value => value.toFixed(6))).toEqual(['-0.445128', '0.175430', '0.489027', '-0.149757']);
});

class Wrap extends Module {
  readonly target: Linear;
  constructor(target: Linear) {
    super();
    this.target = target;
  }
  forward(input: tf.Tensor): tf.Tensor {
    return this.target.call(input);
  }
}

test('the principal factors are the best approximation of their rank', () => {
  const [rows, columns, r] = [9, 7, 3];
  const w = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * i));
  const full = principalFactors(w, rows, columns, columns);
  const { left, right, singularValues } = principalFactors(w, rows, columns, r);
  let error = 0;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let value = 0;
      for (let k = 0; k < r; k++) value += left[i * r + k] * right[k * columns + j];
      error += (w[i * columns + j] - value) ** 2;
    }
  }
  const rest = full.singularValues.slice(r).reduce((sum, value) => sum + value ** 2, 0);
  expect(singularValues).toEqual(full.singularValues.slice(0, r).map(value => expect.closeTo(value, 6)));
  expect(error).toBeCloseTo(rest, 5);
});

test('an option that does not exist is named, with the closest', () => {
  const options = { targets: ['qkv'], rank: 4 } as LoraOptions;
  expect(() => lora(options)).toThrow(/no option "rank"/);
});

describe('without targets', () => {
  test.each(['vit', 'swin'] as const)('it adapts the queries and values of a %s, and says so', async name => {
    const adapter = await adapt(backbone(name)).add(lora({ r: 2 }));
    expect(adapter.method.config).toMatchObject({ targets: ['attn.qkv[q,v]'], r: 2 });
    expect(adapter.plan.targets.map(({ id }) => id)).toContain(`${adapter.plan.targets[0].path}[q]`);
  });

  test('a model that has no default refuses it', async () => {
    await expect(adapt(network()).add(lora())).rejects.toThrow('lora: targets is missing, and Net has no default;');
    const read = () => lora.read?.({ config: {}, tensors: new Map() }, { r: 2 });
    expect(read).toThrow('lora: targets is missing; it must be a string or a list of strings.');
  });
});

test('targets that match nothing are named, with the closest path', async () => {
  const model = adapt(network());
  await expect(model.add('default', lora({ targets: ['qkvv'] }), { key: key(0) })).rejects.toThrow(
    'No module matches "qkvv" in Net (3 linear modules); closest: qkv.',
  );
});

test.each<[Partial<LoraOptions>, string]>([
  [{ rankPattern: { otu: 16 } }, 'lora: rankPattern has "otu", which ends the path of no adapted module'],
  [
    { alphaPattern: { out: 2, 'o.*': 4 } },
    'alphaPattern has "o.*", which ends the path of no adapted module, or only of',
  ],
  [{ rankPattern: { 'o(ut': 2 } }, 'is not a regular expression that can be used: a parenthesis is not closed'],
  [{ modulesToSave: ['haed'] }, 'modulesToSave: no module that can be trained is called "haed" in Net; closest: head.'],
  [{ exclude: ['qvk'] }, 'exclude: No module matches "qvk" in Net (3 linear modules); closest: qkv.'],
])('%j, which decides nothing, is refused', async (options, message) => {
  for (const wrap of [
    (method: Method) => method,
    (method: Method) => ({ ...method, type: 'outer', base: method, patterns: {} }),
  ]) {
    const model = adapt(network());
    const method = wrap(lora({ targets: ['out'], ...options }));
    await expect(model.add('default', method, { key: key(0) })).rejects.toThrow(message);
    expect(model.adapters.size).toBe(0);
  }
});

test('PiSSA as Python stores it, without its start, takes the start from the frozen weight', async () => {
  const { model } = await movedAdapter(lora, { targets: ['out'], r: 2 });
  const { 'peft.json': _, ...files } = await writeAdapterFolder(model);
  const config = JSON.parse(new TextDecoder().decode(files['adapter_config.json']));
  files['adapter_config.json'] = new TextEncoder().encode(JSON.stringify({ ...config, init_lora_weights: 'pissa' }));
  const read = adapt(network());
  await attachAdapterFolder(read, readAdapterFolder(files, 'folder', [lora]));
  const started = await adapt(network()).add('new', lora({ targets: ['out'], r: 2, init: 'pissa' }), { key: key(1) });
  const [{ parameters: found }] = read.get('default').plan.byTarget;
  const [{ parameters: expected }] = started.plan.byTarget;
  for (const name of ['A0', 'B0']) expect(await found[name].get()).toEqual(await expected[name].get());
  expect(await found.A.get()).toEqual(await model.get('default').plan.byTarget[0].parameters.A.get());
});

test('an adapter of another model is refused whole', async () => {
  const { model } = await movedAdapter(lora, { targets: ['out'], r: 2 });
  const files = await writeAdapterFolder(model);
  expect(parseSafetensors(files['adapter_model.safetensors'], 'x').tensors.size).toBe(2);
  class Other extends Module {
    readonly out = new Linear(7, 3);
    forward(input: tf.Tensor): tf.Tensor {
      return this.out.call(input);
    }
  }
  const other = adapt(initialize(new Other(), key(0)));
  await expect(attachAdapterFolder(other, readAdapterFolder(files, 'folder', [lora]))).rejects.toThrow(
    /out\.lora_A\.weight is \[2,12\], should be \[2,7\]/,
  );
  expect(other.adapters.size).toBe(0);
});
