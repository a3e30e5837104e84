import { readFileSync } from 'node:fs';
import {
  adapt,
  attachAdapterFolder,
  initialize,
  key,
  Linear,
  Module,
  readAdapterFolder,
  valueAndGrads,
  writeAdapterFolder,
} from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { type Ia3Options, ia3 } from './ia3.ts';

class Net extends Module {
  readonly qkv = new Linear(4, 6, { slices: { q: { start: 0, end: 2 }, v: { start: 4, end: 6 } } });
  readonly head = new Linear(6, 3);
  forward(x: tf.Tensor): tf.Tensor {
    return this.head.call(tf.tanh(this.qkv.call(x)));
  }
}

const net = (): Net => initialize(new Net(), key(1));
const x = tf.tensor2d([0.3, -1, 0.5, 2, -0.7, 1, 0.1, -0.4], [2, 4]);
const run = async (model: { call(x: tf.Tensor): tf.Tensor }): Promise<number[]> => [...(await model.call(x).data())];
const difference = (a: number[], b: number[]): number => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

/** An adapted network whose scales have moved away from one. */
async function moved(options: Ia3Options) {
  const model = adapt(net());
  const adapter = await model.add('default', ia3(options), { key: key(2) });
  for (const [, parameter] of adapter.parameters()) {
    parameter.set((await parameter.get()).map((value, i) => value + 0.5 * Math.cos(i)));
  }
  return model;
}

test('the guide shows this very method', () => {
  const guide = readFileSync(new URL('../../writing-a-method.md', import.meta.url), 'utf8');
  const [, shown] = guide.match(/```ts title=ia3\.ts\n(.*?)```/s) ?? [];
  expect(shown).toBe(readFileSync(new URL('./ia3.ts', import.meta.url), 'utf8'));
});

test('each output is multiplied by its number, the bias is not', async () => {
  const model = adapt(net());
  const [plain, bias] = [await run(model), await (model.base as Net).head.bias!.get()];
  const adapter = await model.add('default', ia3({ targets: ['head'] }), { key: key(0) });
  const l = [2, -0.5, 0];
  adapter.plan.bySite[0].l.set(Float32Array.from(l));
  const expected = plain.map((y, i) => (y - bias[i % 3]) * l[i % 3] + bias[i % 3]);
  expect(difference(await run(model), expected)).toBeLessThan(1e-5);
});

describe.each<[string, Ia3Options]>([
  ['whole modules', { targets: ['qkv', 'head'] }],
  ['slices', { targets: ['qkv[q,v]'] }],
  ['a head of its own', { targets: ['qkv'], modulesToSave: ['head'] }],
])('%s', (_, options) => {
  test('change nothing at the start', async () => {
    const model = adapt(net());
    await model.add('default', ia3(options), { key: key(2) });
    expect(difference(await run(model), await run(net()))).toBeLessThan(1e-6);
  });

  test('merge and unmerge', async () => {
    const model = await moved(options);
    const adapted = await run(model);
    expect(difference(adapted, await run(net()))).toBeGreaterThan(0.01);
    model.merge();
    expect(difference(await run(model), adapted)).toBeLessThan(1e-5);
    model.unmerge();
    expect(await run(model)).toEqual(adapted);
  });

  test('are the same after a round trip through files', async () => {
    const model = await moved(options);
    const again = adapt(net());
    await attachAdapterFolder(again, readAdapterFolder(await writeAdapterFolder(model), 'folder', [ia3]));
    expect(await run(again)).toEqual(await run(model));
  });

  test('learn', async () => {
    const model = adapt(net());
    await model.add('default', ia3(options), { key: key(2) });
    const variables = [...model.trainable()].map(([, parameter]) => parameter.value);
    const losses: number[] = [];
    for (let step = 0; step < 20; step++) {
      const loss = () => tf.mean(tf.square(tf.sub(model.call(x), 0.3))) as tf.Scalar;
      const { value, grads } = valueAndGrads(loss, variables);
      for (const [i, variable] of variables.entries()) variable.assign(tf.sub(variable, tf.mul(grads[i]!, 0.3)));
      losses.push((await value.data())[0]);
    }
    expect(losses.at(-1)).toBeLessThan(0.9 * losses[0]);
  });
});

test('an option that does not exist is named', () => {
  const options: object = { targets: ['qkv'], scale: 2 };
  expect(() => ia3(options as Ia3Options)).toThrow('ia3 has no option "scale"');
});
