import {
  adapt,
  attachAdapterFolder,
  initialize,
  key,
  Linear,
  Module,
  parseSafetensors,
  readAdapterFolder,
  valueAndGrads,
  writeAdapterFolder,
} from '@peft/core';
import { conformance, input, movedAdapter, network } from '@peft/testing';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { type LoraOptions, lora } from './index.ts';
import { principalFactors } from './svd.ts';

conformance(
  lora,
  [
    { name: 'plain', options: { targets: ['qkv', 'out'], r: 2 } },
    { name: 'slices', options: { targets: ['qkv[q,v]'], r: 2, alpha: 4 } },
    { name: 'slices of one and a whole other', options: { targets: ['qkv[v]', 'out'], r: 3 } },
    {
      name: 'rslora with patterns',
      options: { targets: ['qkv', 'out'], rslora: true, rankPattern: { out: 1 }, alphaPattern: { qkv: 3 } },
    },
    { name: 'DoRA', options: { targets: ['qkv', 'out'], r: 2, dora: true }, detaches: true },
    { name: 'DoRA of slices', options: { targets: ['qkv[q,v]'], r: 2, dora: true }, detaches: true },
    { name: 'PiSSA', options: { targets: ['qkv', 'out'], r: 2, init: 'pissa' as const } },
    { name: 'PiSSA of slices', options: { targets: ['qkv[q,v]'], r: 2, init: 'pissa' as const } },
    {
      name: 'biases and a head',
      options: { targets: ['qkv', 'out'], r: 2, bias: 'all' as const, modulesToSave: ['head'] },
    },
  ].map(one => ({ ...one, mergeable: true, portable: true })),
);

test('the golden vector of methods.md: s x A B', async () => {
  const S = (n: number, o: number): number[] => Array.from({ length: n }, (_, k) => Math.sin(k + 1 + o));
  const C = (n: number, o: number): number[] => Array.from({ length: n }, (_, k) => Math.cos(k + 1 + o));
  const site = new Linear(3, 2);
  const model = adapt(initialize(new Wrap(site), key(0)));
  const adapter = await model.add('default', lora({ targets: ['site'], r: 2, alpha: 1 }), { key: key(0) });
  const [{ A, B }] = adapter.plan.bySite;
  A.set(Float32Array.from(S(6, 0)));
  B.set(Float32Array.from(S(4, 10)));
  site.weight.set(new Float32Array(6));
  site.bias?.set(new Float32Array(2));
  const y = await model.call(tf.tensor2d(C(6, 0), [2, 3])).data();
  expect([...y].map(value => value.toFixed(6))).toEqual(['-0.445128', '0.175430', '0.489027', '-0.149757']);
});

class Wrap extends Module {
  readonly site: Linear;
  constructor(site: Linear) {
    super();
    this.site = site;
  }
  forward(input: tf.Tensor): tf.Tensor {
    return this.site.call(input);
  }
}

test('first only B and the head learn, then A too', async () => {
  const model = adapt(network());
  const adapter = await model.add('default', lora({ targets: ['qkv'], r: 2, modulesToSave: ['head'] }), {
    key: key(3),
  });
  const trainable = [...model.trainable()];
  const norms = async (): Promise<Record<string, number>> => {
    const { value, grads } = valueAndGrads(
      () => tf.sum(tf.square(model.call(input()))) as tf.Scalar,
      trainable.map(([, parameter]) => parameter.value),
    );
    value.dispose();
    const lengths = await Promise.all(grads.map(async grad => (grad ? (await tf.norm(grad).data())[0] : 0)));
    return Object.fromEntries(trainable.map(([path], i) => [path.replace('default/', ''), lengths[i]]));
  };
  const first = await norms();
  expect(first['qkv.A']).toBe(0);
  expect(first['qkv.B']).toBeGreaterThan(0);
  expect(first['head.weight']).toBeGreaterThan(0);
  adapter.plan.bySite[0].B.set(Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)));
  expect((await norms())['qkv.A']).toBeGreaterThan(0);
});

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

test('targets that match nothing are named, with the closest path', async () => {
  const model = adapt(network());
  await expect(model.add('default', lora({ targets: ['qkvv'] }), { key: key(0) })).rejects.toThrow(
    'No module matches "qkvv" in Net (3 linear modules); closest: qkv.',
  );
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
