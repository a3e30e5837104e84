import {
  adapt,
  type Engine,
  gelu,
  initialize,
  key,
  LayerNorm,
  Linear,
  loadState,
  Module,
  type Parameter,
  parameters,
  saveState,
  softmaxCrossEntropy,
  trainModules,
} from '@peft/core';
import { drawNormal, isDeferred, valueAndGrads } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { record } from '../record/record.ts';
import { onnxEngine } from './node.ts';
import { onnxWebEngine } from './web.ts';

class Net extends Module {
  readonly norm = new LayerNorm(16);
  readonly up = new Linear(16, 64);
  readonly down = new Linear(64, 16);
  readonly head = new Linear(16, 3);
  forward(x: tf.Tensor): tf.Tensor {
    return this.head.call(tf.add(x, this.down.call(gelu(this.up.call(this.norm.call(x))))));
  }
}

const x = { data: drawNormal(key(1), 8 * 16), shape: [8, 16] };
const labels = { data: Int32Array.from({ length: 8 }, (_, i) => i % 3), shape: [8] };

/** A net of which only `trained` modules are trained, and its losses over some steps of gradient descent. */
async function train(engine: Engine, trained: string[], steps = 12): Promise<number[]> {
  const net = initialize(new Net(), key(2));
  const model = adapt(net);
  await model.add('default', trainModules({ modulesToSave: trained }), { key: key(3) });
  const variables = [...model.trainable()].map(([, { value }]) => value);
  const step = engine.compile(({ x, labels }) => {
    const loss = () => tf.mean(softmaxCrossEntropy(model.call(x), labels)) as tf.Scalar;
    const { value, grads } = valueAndGrads(loss, variables);
    for (const [i, variable] of variables.entries()) variable.assign(tf.sub(variable, tf.mul(grads[i]!, 0.5)));
    return { loss: value };
  });
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) losses.push((await step.run({ x, labels })).loss.data[0]);
  await step.dispose();
  return losses;
}

const worst = (a: number[], b: number[]): number => Math.max(...a.map((loss, i) => Math.abs(loss - b[i]) / b[i]));

test.each([
  ['onnxruntime-node', onnxEngine],
  ['onnxruntime-web', onnxWebEngine],
])(
  'frozen weights in half precision give nearly the same losses in %s; trained ones are never rounded',
  async (_, open) => {
    const [full, half] = [await open({ threads: 1 }), await open({ threads: 1, frozenDtype: 'f16' })];
    try {
      const [expected, found] = [await train(full, ['up']), await train(half, ['up'])];
      expect(expected.at(-1)).toBeLessThan(0.8 * expected[0]);
      expect(worst(found, expected)).toBeGreaterThan(0);
      expect(worst(found, expected)).toBeLessThan(1e-3);
      expect(worst(await train(half, ['*']), await train(full, ['*']))).toBeLessThan(1e-6);
    } finally {
      await Promise.all([full.dispose(), half.dispose()]);
    }
  },
);

test('a frozen weight beyond half precision is refused by name', async () => {
  const engine = await onnxEngine({ threads: 1, frozenDtype: 'f16' });
  const { weight } = initialize(new Linear(2, 2, { bias: false }), key(0));
  weight.trainable = false;
  weight.set(Float32Array.of(1, 65504, 1, 65520));
  const step = engine.compile(() => ({ y: tf.mul(weight.value, 1) }));
  await expect(step.run({})).rejects.toThrow(/" has values beyond 65504, the largest of half precision/);
  weight.set(Float32Array.of(1, 65504, 1, -65504));
  expect([...(await step.run({})).y.data].sort()).toEqual([-65504, 1, 1, 65504]);
  await engine.dispose();
  weight.dispose();
});

test('weights are widened once for each use, beside what they are multiplied with', async () => {
  const net = initialize(new Net(), key(2));
  for (const [, parameter] of parameters(net)) parameter.trainable = false;
  const trained = net.norm.weight.value;
  const { graph } = record(
    ({ x }) => {
      const { value, grads } = valueAndGrads(() => tf.sum(net.call(x)) as tf.Scalar, [trained]);
      trained.assign(tf.sub(trained, grads[0]!));
      return { value };
    },
    { x: { shape: [8, 16], dtype: 'float32' } },
    { storageOf: variable => (variable.rank > 1 ? 'half' : 'plain') },
  );
  const stored = graph.inputs.filter(({ type }) => type === 'float16').map(({ shape }) => String(shape));
  expect(stored.sort()).toEqual(['16,3', '16,64', '64,16']);
  const uses = graph.nodes.filter(({ op, inputs }) => op === 'Reshape' && inputs[0].startsWith('variable:'));
  expect(uses).toHaveLength(6); // forward and backward
});

test('a variable that a later step assigns is kept in full again', async () => {
  const engine = await onnxEngine({ threads: 1, frozenDtype: 'f16' });
  const net = initialize(new Net(), key(2));
  const all: Parameter[] = [...parameters(net)].map(([, parameter]) => parameter);
  for (const parameter of all) parameter.trainable = false;
  const { value } = net.up.weight;
  const look = engine.compile(() => ({ sum: tf.sum(tf.mul(value, 1)) }));
  const grow = engine.compile(() => {
    value.assign(tf.add(value, 1e-5));
    return { value };
  });
  const exact = await tf.sum(value).data();
  const rounded = (await look.run({})).sum.data[0];
  expect(rounded).not.toBe(exact[0]);
  await grow.run({});
  const grown = (await look.run({})).sum.data[0];
  expect(grown - exact[0]).toBeCloseTo(16 * 64 * 1e-5, 4);
  await engine.dispose();
});

describe('weights that a file holds transposed', () => {
  /** The net, with frozen weights that nobody has read yet. */
  async function stored(): Promise<Net> {
    const net = new Net();
    loadState(net, await saveState(initialize(new Net(), key(2))), { source: 'here' });
    for (const [, parameter] of parameters(net)) parameter.trainable = false;
    return net;
  }
  const forward =
    (net: Net) =>
    ({ x }: Record<string, tf.Tensor>) => ({ y: net.call(x) });
  const outputs = async (net: Net): Promise<Float32Array> => {
    const y = tf.tidy(() => net.call(tf.tensor(x.data, [8, 16])));
    return (await y.data()) as Float32Array;
  };
  const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
    Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])));

  test('are taken as they are, by products of either side', async () => {
    const net = await stored();
    const trained = net.norm.weight.value;
    const { graph, bindings } = record(
      ({ x }) => {
        const { value, grads } = valueAndGrads(() => tf.sum(net.call(x)) as tf.Scalar, [trained]);
        return { value, grad: grads[0]!, squared: tf.matMul(net.up.weight.value, net.down.weight.value) };
      },
      { x: { shape: [8, 16], dtype: 'float32' } },
      { storageOf: variable => (variable.rank > 1 ? 'transposed' : 'plain') },
    );
    const shapes = bindings.flatMap(({ form, shape }) => (form === 'transposed' ? [String(shape)] : []));
    expect(shapes.sort()).toEqual(['16,64', '3,16', '64,16']);
    expect(graph.nodes.filter(({ op }) => op === 'Transpose')).toEqual([]);
  });

  test('give the same outputs and losses, and are not kept by TensorFlow.js', async () => {
    const engine = await onnxEngine({ threads: 1 });
    const net = await stored();
    const step = engine.compile(forward(net));
    const found = (await step.run({ x })).y.data;
    expect(isDeferred(net.up.weight.value.dataId)).toBe(true);
    expect(difference(found, await outputs(await stored()))).toBeLessThan(1e-5);
    await engine.dispose();
  });

  test('follow what is done to the variable elsewhere, and are turned where a step needs them so', async () => {
    const engine = await onnxEngine({ threads: 1 });
    const net = await stored();
    const { value } = net.up.weight;
    const step = engine.compile(forward(net));
    await step.run({ x });
    tf.tidy(() => value.assign(tf.mul(value, 2)));
    expect(difference((await step.run({ x })).y.data, await outputs(net))).toBeLessThan(1e-5);

    const rows = engine.compile(() => ({ sums: tf.sum(value, 1) }));
    const sums = await tf.sum(value, 1).data();
    expect(difference((await rows.run({})).sums.data, sums)).toBeLessThan(1e-5);

    const shrink = engine.compile(() => {
      value.assign(tf.mul(value, 0.5));
      return { value };
    });
    await shrink.run({});
    const found = (await step.run({ x })).y.data;
    expect(difference(found, await outputs(await stored()))).toBeLessThan(1e-5);
    await engine.sync();
    expect(difference(found, await outputs(net))).toBeLessThan(1e-5);
    await engine.dispose();
  });
});
