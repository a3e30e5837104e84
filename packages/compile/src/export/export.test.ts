import {
  attention,
  disposeModule,
  dropout,
  eagerEngine,
  gelu,
  initialize,
  key,
  Linear,
  layerNorm,
  linear,
  quantizeWeights,
  type Step,
} from '@peft/core';
import { withScope } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import * as ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { floats } from '../../test/agree.ts';
import { exportOnnx } from './export.ts';

const [dim, heads, tokens] = [8, 2, 4];
const tensor = (shape: number[], seed: number) => tf.tensor(floats(shape, seed).data, shape);

/** Patches, a class token, windows (whose number grows with the batch), attention, a head. */
function model(): Step {
  const [embed, qkv, head] = [tf.variable(tensor([6, dim], 1)), tensor([dim, 3 * dim], 2), tensor([dim, 3], 3)];
  const [token, gamma, beta] = [tf.variable(tensor([1, 1, dim], 4)), tensor([dim], 5), tensor([dim], 6)];
  return ({ x }) => {
    const batch = x.shape[0];
    const embedded = linear(tf.reshape(x, [-1, tokens - 1, 6]), embed);
    const all = tf.concat([tf.tile(token, [batch, 1, 1]), embedded], 1);
    const windows = tf.reshape(layerNorm(all, gamma, beta, 1e-6), [batch * 2, tokens / 2, dim]);
    const parts = tf.split(linear(windows, qkv), 3, -1);
    const [q, k, v] = parts.map(part =>
      tf.transpose(tf.reshape(part, [batch * 2, tokens / 2, heads, dim / heads]), [0, 2, 1, 3]),
    );
    const mixed = tf.transpose(attention(q, k, v, 0.5), [0, 2, 1, 3]);
    const rest = tf.slice(tf.reshape(mixed, [batch, tokens, dim]), [0, 1, 0], [batch, -1, -1]);
    return { logits: linear(gelu(tf.mean(tf.add(rest, tf.zeros([batch, 1, dim])), 1)), head), windows };
  };
}

describe('exportOnnx', () => {
  test('gives a model for any batch size', async () => {
    const forward = model();
    const bytes = await exportOnnx(forward, { inputs: { x: { shape: [null, 18] } }, metadata: { task: 'demo' } });
    const session = await ort.InferenceSession.create(bytes);
    const [input] = session.inputMetadata;
    expect(input).toMatchObject({ name: 'x', type: 'float32', shape: ['batch', 18] });
    expect(session.outputMetadata).toMatchObject([{ shape: ['batch', 3] }, { shape: ['2*batch', 2, dim] }]);
    for (const size of [1, 2, 7]) {
      const x = floats([size, 18], size);
      const expected = await eagerEngine().compile(forward).run({ x });
      const found = await session.run({ x: new ort.Tensor('float32', x.data as Float32Array, x.shape) });
      for (const [name, { data, shape }] of Object.entries(expected)) {
        expect(found[name].dims).toEqual(shape);
        for (const [i, value] of data.entries()) expect((found[name].data as Float32Array)[i]).toBeCloseTo(value, 5);
      }
    }
    const text = new TextDecoder('latin1').decode(bytes);
    expect(text).not.toContain('com.microsoft');
    expect(text).toContain('demo');
  });

  test('keeps weights in 8 bits, and multiplies integers', async () => {
    const layers = [initialize(new Linear(48, 96), key(1)), initialize(new Linear(96, 8), key(2))] as const;
    const [up, down] = layers;
    const forward: Step = ({ x }) => ({ y: down.call(gelu(up.call(x))) });
    const inputs = { x: { shape: [null, 3, 48] } };
    const exact = await exportOnnx(forward, { inputs });
    for (const layer of layers) quantizeWeights(layer, 'int8');
    const bytes = await exportOnnx(forward, { inputs });
    expect(bytes.length).toBeLessThan(0.5 * exact.length);
    const session = await ort.InferenceSession.create(bytes);
    for (const size of [1, 5]) {
      const x = floats([size, 3, 48], size);
      const { y } = await session.run({ x: new ort.Tensor('float32', x.data as Float32Array, x.shape) });
      const expected = await eagerEngine().compile(forward).run({ x });
      expect(y.dims).toEqual([size, 3, 8]);
      const far = Math.max(...expected.y.data.map((value, i) => Math.abs(value - (y.data as Float32Array)[i])));
      expect(far).toBeLessThan(1e-5);
    }
    const text = new TextDecoder('latin1').decode(bytes);
    expect(text).toContain('MatMulInteger');
    expect(text).not.toContain('com.microsoft');
    for (const layer of layers) disposeModule(layer);
  });

  test('and for one', async () => {
    const bytes = await exportOnnx(({ x }) => ({ y: tf.neg(x) }), { inputs: { x: { shape: [3], dtype: 'int32' } } });
    const session = await ort.InferenceSession.create(bytes);
    const { y } = await session.run({ x: new ort.Tensor('int32', Int32Array.of(1, 2, 3), [3]) });
    expect([...(y.data as Int32Array)]).toEqual([-1, -2, -3]);
  });

  const weight = tf.variable(tf.scalar(1));
  const failures: [string, Step, RegExp][] = [
    ['training', ({ x }) => ({ y: weight.assign(tf.scalar(2)) ?? x }), /assigns the variable/],
    [
      'dropout',
      ({ x }) => withScope({ training: true }, () => ({ y: dropout(x, 0.5, 'drop') })),
      /random numbers \(drop\)/,
    ],
    ['numbers of the batch', ({ x }) => ({ y: tf.div(x, Math.sqrt(x.shape[0])) }), /on the host/],
    ['other ops', ({ x }) => ({ y: x.shape[0] > 1010 ? tf.neg(x) : x }), /other ops/],
    ['a name used twice', ({ x }) => ({ x: tf.neg(x) }), /names an input and an output/],
  ];
  test.each(failures)('refuses %s', async (_, step, message) => {
    await expect(exportOnnx(step, { inputs: { x: { shape: [null, 2] } } })).rejects.toThrow(message);
  });
});
