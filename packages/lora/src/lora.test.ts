import {
  adapt,
  attachAdapterFolder,
  initialize,
  key,
  Linear,
  Module,
  parameters,
  parseSafetensors,
  readAdapterFolder,
  valueAndGrads,
  writeAdapterFolder,
} from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { type LoraOptions, lora } from './index.ts';
import { principalFactors } from './svd.ts';

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
const difference = (a: number[], b: number[]): number => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

/** An adapter whose every tensor has moved away from its start. */
async function moved(options: LoraOptions, seed = 3) {
  const model = adapt(net());
  const adapter = await model.add('default', lora(options), { key: key(seed) });
  for (const [, parameter] of adapter.parameters()) {
    if (!parameter.fixed) parameter.set((await parameter.get()).map((value, i) => value + 0.1 * Math.cos(i + 1)));
  }
  return { model, adapter };
}

const variants: [string, LoraOptions][] = [
  ['plain', { targets: ['qkv', 'out'], r: 2 }],
  ['slices', { targets: ['qkv[q,v]'], r: 2, alpha: 4 }],
  ['slices of one and a whole other', { targets: ['qkv[v]', 'out'], r: 3 }],
  [
    'rslora with patterns',
    { targets: ['qkv', 'out'], rslora: true, rankPattern: { out: 1 }, alphaPattern: { qkv: 3 } },
  ],
  ['DoRA', { targets: ['qkv', 'out'], r: 2, dora: true }],
  ['DoRA of slices', { targets: ['qkv[q,v]'], r: 2, dora: true }],
  ['PiSSA', { targets: ['qkv', 'out'], r: 2, init: 'pissa' }],
  ['PiSSA of slices', { targets: ['qkv[q,v]'], r: 2, init: 'pissa' }],
  ['biases and a head', { targets: ['qkv', 'out'], r: 2, bias: 'all', modulesToSave: ['head'] }],
];

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

describe.each(variants)('%s', (_, options) => {
  test('changes nothing at the start', async () => {
    const base = net();
    const before = await run(base);
    const model = adapt(base);
    await model.add('default', lora(options), { key: key(3) });
    expect(difference(await run(model), before)).toBeLessThan(2e-6);
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
    expect(difference(await run(model), adapted)).toBeLessThan(2e-5);
    model.unmerge();
    expect(await (model.base as Net).qkv.weight.get()).toEqual(weight);
    expect(await run(model)).toEqual(adapted);
  });

  test('is the same after a round trip through its files', async () => {
    const { model } = await moved(options);
    const files = await writeAdapterFolder(model, { backbone: 'net' });
    const again = adapt(net());
    await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [lora]));
    expect(await run(again)).toEqual(await run(model));
    const reread = await writeAdapterFolder(again, { backbone: 'net' });
    expect(reread['adapter_model.safetensors']).toEqual(files['adapter_model.safetensors']);
  });

  test('is the same read as peft would, without peft.json', async () => {
    const { model } = await moved(options);
    const { 'peft.json': _, ...files } = await writeAdapterFolder(model);
    const again = adapt(net());
    await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [lora]));
    expect(difference(await run(again), await run(model))).toBeLessThan(1e-5);
  });

  test('leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const base = net();
    const model = adapt(base);
    await model.add('default', lora(options), { key: key(3) });
    model.call(x).dispose();
    model.merge();
    model.unmerge();
    model.dispose();
    expect(tf.memory().numTensors - before).toBe([...parameters(base)].length);
  });
});

test('first only B and the head learn, then A too', async () => {
  const model = adapt(net());
  const adapter = await model.add('default', lora({ targets: ['qkv'], r: 2, modulesToSave: ['head'] }), {
    key: key(3),
  });
  const trainable = [...model.trainable()];
  const norms = async (): Promise<Record<string, number>> => {
    const { value, grads } = valueAndGrads(
      () => tf.sum(tf.square(model.call(x))) as tf.Scalar,
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
  const model = adapt(net());
  await expect(model.add('default', lora({ targets: ['qkvv'] }), { key: key(0) })).rejects.toThrow(
    'No module matches "qkvv" in Net (3 linear modules); closest: qkv.',
  );
});

test('an adapter of another model is refused whole', async () => {
  const { model } = await moved({ targets: ['out'], r: 2 });
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
