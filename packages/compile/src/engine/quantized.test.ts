import {
  adapt,
  type Engine,
  eagerEngine,
  gelu,
  initialize,
  key,
  LayerNorm,
  Linear,
  Module,
  quantizeWeights,
  trainModules,
} from '@peft/core';
import { drawNormal, valueAndGrads } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test } from 'vitest';
import { record } from '../record/record.ts';
import { onnxEngine } from './node.ts';
import { multipliesExactly } from './probe.ts';
import type { Runner } from './runner.ts';
import { onnxWebEngine } from './web.ts';

class Net extends Module {
  readonly stem = new Linear(16, 32);
  readonly norm = new LayerNorm(32);
  readonly up = new Linear(32, 96);
  readonly down = new Linear(96, 32);
  readonly head = new Linear(32, 3);
  forward(x: tf.Tensor): tf.Tensor {
    const stem = this.stem.call(x);
    return this.head.call(tf.add(stem, this.down.call(gelu(this.up.call(this.norm.call(stem))))));
  }
}

const [batch, width] = [40, 16];
const x = { data: drawNormal(key(1), batch * width), shape: [batch, width] };
const labels = { data: drawNormal(key(5), batch * 3), shape: [batch, 3] };

const open: Engine[] = [];
afterEach(async () => void (await Promise.all(open.splice(0).map(engine => engine.dispose()))));
const opened = (engine: Engine): Engine => {
  open.push(engine);
  return engine;
};

/** A net in 8 bits, but for its head. */
const quantized = (): Net => {
  const net = initialize(new Net(), key(2));
  quantizeWeights(net, 'int8', { keep: path => path === 'head' });
  return net;
};

/** The losses of gradient descent on the stem, which lies below all other products, and the head. */
async function losses(engine: Engine, net: Net, steps = 20): Promise<number[]> {
  const model = adapt(net);
  await model.add('default', trainModules({ modulesToSave: ['stem', 'head'] }), { key: key(3) });
  const variables = [...model.trainable()].map(([, { value }]) => value);
  const step = engine.compile(({ x, labels }) => {
    const loss = () => tf.mean(tf.square(tf.sub(model.call(x), labels))) as tf.Scalar;
    const { value, grads } = valueAndGrads(loss, variables);
    for (const [i, variable] of variables.entries()) variable.assign(tf.sub(variable, tf.mul(grads[i]!, 0.3)));
    return { loss: value };
  });
  const found: number[] = [];
  for (let i = 0; i < steps; i++) found.push((await step.run({ x, labels })).loss.data[0]);
  await step.dispose();
  return found;
}

const worst = (a: number[], b: number[]): number => Math.max(...a.map((loss, i) => Math.abs(loss - b[i]) / b[i]));

test.each([
  ['onnxruntime-node', onnxEngine],
  ['onnxruntime-web', onnxWebEngine],
])('weights in 8 bits give the losses of the reference in %s', async (_, openEngine) => {
  const expected = await losses(eagerEngine(), quantized());
  expect(expected.at(-1)).toBeLessThan(0.9 * expected[0]);
  const engine = opened(await openEngine({ threads: 1 }));
  expect(worst(await losses(engine, quantized()), expected)).toBeLessThan(1e-3);
  const exact = await losses(engine, initialize(new Net(), key(2)));
  expect(worst(exact, expected)).toBeGreaterThan(1e-4);
});

test('extreme bytes are multiplied exactly', async () => {
  const engine = opened(await onnxEngine({ threads: 1 }));
  const layer = initialize(new Linear(256, 8, { bias: false }), key(0));
  layer.weight.trainable = false;
  layer.weight.set(new Float32Array(256 * 8).fill(127).map((value, i) => (i % 8 < 4 ? value : -value)));
  quantizeWeights(layer, 'int8');
  const step = engine.compile(({ x }) => ({ y: layer.call(x) }));
  const { y } = await step.run({ x: { data: new Float32Array(3 * 256).fill(1), shape: [3, 256] } });
  const sum = 256 * 127;
  for (const [i, value] of [...y.data].entries()) expect(value / (i % 8 < 4 ? sum : -sum)).toBeCloseTo(1, 5);
});

test('products are of integers, and each array of a weight is read only where it is used', () => {
  const net = quantized();
  for (const layer of [net.up, net.down]) layer.weight.trainable = false;
  const trained = net.stem.bias!.value;
  const { graph, bindings } = record(
    ({ x }) => {
      const { value, grads } = valueAndGrads(() => tf.sum(net.call(x)) as tf.Scalar, [trained]);
      return { value, grad: grads[0]! };
    },
    { x: { shape: [batch, width], dtype: 'float32' } },
    { storageOf: ({ shape }) => (shape.length === 2 && shape[1] !== 3 ? 'int8' : 'plain') },
  );
  const count = (op: string): number => graph.nodes.filter(node => node.op === op).length;
  expect(count('MatMulIntegerToFloat')).toBe(5); // three forward, and back through two
  expect(count('DequantizeLinear')).toBe(0);
  const forms = bindings.map(({ form, shape }) => `${form} ${shape}`).filter(form => form.startsWith('int8'));
  expect(forms.sort()).toEqual([
    'int8-scales 32',
    'int8-scales 32',
    'int8-scales 96',
    'int8-transposed 32,96',
    'int8-transposed 96,32',
    'int8-values 16,32',
    'int8-values 32,96',
    'int8-values 96,32',
  ]);
});

test('what reads a weight gets the numbers that its bits stand for', async () => {
  const engine = opened(await onnxEngine({ threads: 1 }));
  const { up } = quantized();
  up.weight.trainable = false;
  const expected = await up.weight.get();
  const read = engine.compile(({ x }) => ({ w: tf.mul(up.weight.value, 1), product: tf.matMul(x, up.weight.value) }));
  const eye = { data: Float32Array.from({ length: 32 * 32 }, (_, i) => Number(i % 33 === 0)), shape: [32, 32] };
  const { w, product } = await read.run({ x: eye });
  expect(w.data).toEqual(expected);
  expect(product.data).toEqual(expected);
});

test('a weight that is assigned is multiplied in float32, and in 8 bits again when it has its own data back', async () => {
  const engine = opened(await onnxEngine({ threads: 1 }));
  const { up } = quantized();
  up.weight.trainable = false;
  const { value } = up.weight;
  const step = engine.compile(({ x }) => ({ y: up.call(x) }));
  const rows = { data: drawNormal(key(7), 5 * 32), shape: [5, 32] };
  const eager = async (): Promise<ArrayLike<number>> => tf.tidy(() => up.call(tf.tensor(rows.data, [5, 32]))).data();
  const far = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
    Math.max(...Array.from(a, (number, i) => Math.abs(number - b[i])));
  const before = (await step.run({ x: rows })).y.data;
  expect(far(before, await eager())).toBeLessThan(1e-5);
  const own = tf.keep(tf.clone(value));
  tf.tidy(() => value.assign(tf.mul(value, 1.5)));
  const merged = (await step.run({ x: rows })).y.data;
  expect(far(merged, await eager())).toBeLessThan(1e-5);
  expect(far(merged, before)).toBeGreaterThan(0.01);
  value.assign(own);
  own.dispose();
  expect((await step.run({ x: rows })).y.data).toEqual(before);
});

test('a processor whose kernels saturate is found out', async () => {
  const sums = (value: number) =>
    multipliesExactly({
      load: async () => 1,
      run: async () => ({ y: new Int32Array(32).fill(value) }),
      unload: async () => {},
    } as Partial<Runner> as Runner);
  expect(await sums(64 * 255 * 127)).toBe(true);
  expect(await sums(32 * 32767)).toBe(false);
});
