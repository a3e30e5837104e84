import { readFileSync } from 'node:fs';
import { type AdaptedModel, type Adapter, adapt, initialize, key, Linear, Module } from '@peft/core';
import { permute } from '@peft/core/method';
import { difference } from '@peft/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { type CombineOptions, combine, type LoraOptions, lora } from './index.ts';

type Matrix = number[][];
type Factors = Record<string, { A: Matrix; B: Matrix }>;

/** What Python peft's add_weighted_adapter gave: scripts/combine.py. */
interface Fixture {
  adapters: Record<string, { r: number; lora_alpha: number; target_modules: string[]; factors: Factors }>;
  cases: {
    adapters: string[];
    weights: number[];
    combination_type: CombineOptions['type'];
    svd_rank?: number;
    r: number;
    alpha: number;
    factors: Factors;
  }[];
}

const fixture: Fixture = JSON.parse(readFileSync(new URL('../test/fixtures/combine.json', import.meta.url), 'utf8'));

class Net extends Module {
  readonly fc1 = new Linear(5, 4, { slices: { q: { start: 0, end: 2 }, v: { start: 2, end: 4 } } });
  readonly fc2 = new Linear(4, 6);
  readonly head = new Linear(6, 2);
  forward(x: tf.Tensor): tf.Tensor {
    return this.head.call(this.fc2.call(tf.tanh(this.fc1.call(x))));
  }
}

const x = tf.tensor2d([0.3, -1, 0.5, 2, -0.7, 1, 0.1, -0.4, 0.2, 0.9], [2, 5]);
const run = async (model: AdaptedModel): Promise<number[]> => [...(await model.call(x).data())];

/** Peft's factors, `[r, in]` and `[out, r]`, into an adapter. */
function setFactors(adapter: Adapter, factors: Factors): void {
  for (const [i, target] of adapter.plan.targets.entries()) {
    for (const side of ['A', 'B'] as const) {
      const matrix = factors[target.path][side];
      const values = Float32Array.from(matrix.flat());
      adapter.plan.byTarget[i].parameters[side].set(permute(values, [matrix.length, matrix[0].length], [1, 0]));
    }
  }
}

const transposed = async (adapter: Adapter, i: number, side: 'A' | 'B'): Promise<number[]> => {
  const parameter = adapter.plan.byTarget[i].parameters[side];
  return [...permute(await parameter.get(), parameter.shape, [1, 0])];
};

const product = ({ A, B }: Factors[string]): number[] =>
  B.flatMap(row => A[0].map((_, j) => row.reduce((total, value, k) => total + value * A[k][j], 0)));

async function peftAdapters(): Promise<AdaptedModel> {
  const model = adapt(initialize(new Net(), key(1)));
  for (const [name, { r, lora_alpha: alpha, target_modules: targets, factors }] of Object.entries(fixture.adapters)) {
    setFactors(await model.add(name, lora({ r, alpha, targets }), { key: key(1) }), factors);
  }
  return model;
}

describe.each(fixture.cases)('$combination_type of $adapters by $weights is that of peft', expected => {
  const { adapters, weights, combination_type: type, svd_rank: rank } = expected;

  test('in rank, alpha, targets and update', async () => {
    const model = await peftAdapters();
    const combined = await combine(model, adapters, weights, { name: 'new', type, rank });
    expect(combined.method.config).toMatchObject({ r: expected.r, alpha: expected.alpha });
    expect(combined.plan.targets.map(({ path }) => path)).toEqual(Object.keys(expected.factors));
    expect(model.active.map(({ name }) => name)).not.toContain('new');
    for (const [i, { path, inFeatures, outFeatures }] of combined.plan.targets.entries()) {
      const factors = expected.factors[path];
      const [A, B] = [await transposed(combined, i, 'A'), await transposed(combined, i, 'B')];
      const rows = (values: number[], columns: number): Matrix =>
        Array.from({ length: values.length / columns }, (_, row) => values.slice(row * columns, (row + 1) * columns));
      const found = { A: rows(A, inFeatures), B: rows(B, B.length / outFeatures) };
      expect(difference(product(found), product(factors))).toBeLessThan(2e-5);
      if (type === 'svd' && adapters.length > 1) continue; // signs of singular vectors are arbitrary
      expect(difference(A, factors.A.flat())).toBeLessThan(1e-5);
      expect(difference(B, factors.B.flat())).toBeLessThan(1e-5);
    }
  });
});

/** Adapters with every tensor moved away from its start. */
async function moved(adapters: Record<string, LoraOptions>): Promise<AdaptedModel> {
  const model = adapt(initialize(new Net(), key(1)));
  for (const [name, options] of Object.entries(adapters)) {
    const adapter = await model.add(name, lora(options), { key: key(2), active: false });
    for (const [, parameter] of adapter.parameters()) {
      if (!parameter.fixed) parameter.set((await parameter.get()).map((value, i) => value + Math.cos(i + name.length)));
    }
  }
  return model;
}

describe('the combined adapter', () => {
  test.each<[string, CombineOptions['type'], Record<string, LoraOptions>]>([
    ['slices', 'cat', { a: { targets: ['fc1[q]'], r: 1 }, bb: { targets: ['fc1[v,q]', 'fc2'], r: 2, rslora: true } }],
    ['slices', 'svd', { a: { targets: ['fc1[q]'], r: 1 }, bb: { targets: ['fc1[v,q]', 'fc2'], r: 2 } }],
    ['PiSSA and LoRA', 'svd', { a: { targets: ['fc2'], r: 2, init: 'pissa' }, bb: { targets: ['fc1', 'fc2'], r: 2 } }],
  ])('of %s by %s acts as the weighted sum, and brings the one head', async (_, type, options) => {
    const model = await moved({ ...options, head: { targets: ['fc2'], r: 1, modulesToSave: ['head'] } });
    const weights = { a: 0.5, bb: -1.5, head: 1 };
    await combine(model, Object.keys(weights), Object.values(weights), { name: 'new', type, rank: 4 });
    model.use(weights);
    const expected = await run(model);
    model.use('new');
    expect(difference(await run(model), expected)).toBeLessThan(2e-3);
    model.use([]);
    expect(difference(await run(model), expected)).toBeGreaterThan(0.1);
  });

  test('of one by svd is exact where the rank suffices, also for DoRA, and no better than allowed', async () => {
    const model = await moved({ a: { targets: ['fc2'], r: 2, dora: true }, bb: { targets: ['fc2'], r: 2 } });
    const before = tf.memory().numTensors;
    await combine(model, ['a'], [1], { name: 'whole', rank: 9 });
    await combine(model, ['a', 'bb'], [1, 0], { name: 'coarse', rank: 1 });
    expect(tf.memory().numTensors - before).toBe(4);
    const outputs: Record<string, number[]> = {};
    for (const name of ['a', 'whole', 'coarse']) {
      model.use(name);
      outputs[name] = await run(model);
    }
    expect(difference(outputs.whole, outputs.a)).toBeLessThan(1e-4);
    expect(difference(outputs.coarse, outputs.a)).toBeGreaterThan(1e-3);
  });

  test.each<[string, Record<string, LoraOptions>, CombineOptions['type'], string, string]>([
    [
      'ranks that differ',
      { a: { targets: ['fc1'], r: 1 }, b: { targets: ['fc1'], r: 2 } },
      'linear',
      'bad-argument',
      'are 1 and 2',
    ],
    ['DoRA', { a: { targets: ['fc1'], dora: true }, b: { targets: ['fc1'] } }, 'cat', 'not-supported', '"a" uses dora'],
    [
      'a slice and a whole',
      { a: { targets: ['fc1[q]'] }, b: { targets: ['fc1'] } },
      'cat',
      'not-supported',
      'whole of fc1',
    ],
    [
      'two heads',
      { a: { targets: ['fc1'], modulesToSave: ['head'] }, b: { targets: ['fc1'], modulesToSave: ['head'] } },
      'svd',
      'state',
      'both have their own head.weight',
    ],
  ])('%s: refused, leaving nothing', async (_, options, type, code, message) => {
    const model = await moved(options);
    const before = tf.memory().numTensors;
    await expect(combine(model, ['a', 'b'], [1, 1], { name: 'new', type })).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
    await expect(combine(model, ['a', 'b'], [1], { name: 'new', type })).rejects.toThrow('2 adapters and 1 weights');
    expect([...model.adapters.keys()]).toEqual(['a', 'b']);
    expect(tf.memory().numTensors).toBe(before);
  });
});

test('a new head, which no method names, goes along', async () => {
  const base = initialize(new Net(), key(1));
  for (const parameter of [base.head.weight, base.head.bias!]) parameter.fresh = true;
  const model = adapt(base);
  const first = await model.add('first', lora({ targets: ['fc1'], r: 2 }), { key: key(2) });
  first.plan.saved.get('head.bias')?.own.set(Float32Array.from([3, 4]));
  const combined = await combine(model, ['first'], [1], { name: 'combined' });
  expect([...combined.plan.kept]).toEqual(['head.weight', 'head.bias']);
  expect([...((await combined.plan.saved.get('head.bias')?.own.get()) ?? [])]).toEqual([3, 4]);
});
