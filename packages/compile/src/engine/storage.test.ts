import {
  adapt,
  drawNormal,
  type Engine,
  gelu,
  initialize,
  key,
  LayerNorm,
  Linear,
  Module,
  type Parameter,
  parameters,
  softmaxCrossEntropy,
  valueAndGrads,
  whole,
} from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { record } from '../record/record.ts';
import { onnxEngine } from './node.ts';

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
  await model.add('default', whole({ modulesToSave: trained }), { key: key(3) });
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

test('frozen weights in half precision give nearly the same losses; trained ones are never rounded', async () => {
  const [full, half] = [await onnxEngine({ threads: 1 }), await onnxEngine({ threads: 1, frozenDtype: 'f16' })];
  try {
    const [expected, found] = [await train(full, ['up']), await train(half, ['up'])];
    expect(expected.at(-1)).toBeLessThan(0.8 * expected[0]);
    expect(worst(found, expected)).toBeGreaterThan(0);
    expect(worst(found, expected)).toBeLessThan(1e-3);
    expect(worst(await train(half, ['*']), await train(full, ['*']))).toBeLessThan(1e-6);
  } finally {
    await Promise.all([full.dispose(), half.dispose()]);
  }
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
    { half: variable => variable.rank > 1 },
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
