import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import {
  checkpointed,
  detached,
  drawNormal,
  hostRandom,
  isConstant,
  valueAndGrads,
  withScope,
} from '../engine/index.ts';
import { dropout, fold, gelu, key, linear } from '../index.ts';

const random = (name: string, shape: number[]): tf.Tensor =>
  tf.tensor(drawNormal(fold(key(7), name), tf.util.sizeFromShape(shape)), shape);

const width = 8;
const weights = (count: number): tf.Variable[] =>
  Array.from({ length: count }, (_, i) => tf.variable(random(`w${i}`, [width, width])));

type Layer = (x: tf.Tensor) => tf.Tensor;

/** The loss of a chain of layers, each run by `call`, and its gradients. */
function train(call: (layer: Layer, x: tf.Tensor) => tf.Tensor, variables: tf.Variable[], by = variables) {
  const x = random('x', [4, width]);
  const layer =
    (i: number): Layer =>
    h =>
      tf.add(h, dropout(gelu(linear(h, variables[i])), 0.5, `layer${i}`));
  return withScope({ training: true, random: hostRandom(key(3)) }, () =>
    tf.tidy(() => {
      const loss = () => tf.mean(tf.square(variables.reduce((h, _, i) => call(layer(i), h), x))) as tf.Scalar;
      const { value, grads } = valueAndGrads(loss, by);
      return tf.concat([value, ...grads.map(grad => grad ?? tf.zeros([1]))].map(t => tf.reshape(t, [-1])));
    }),
  );
}

test('gives the loss and the gradients of a plain call, dropout included, and leaves nothing behind', async () => {
  const variables = weights(3);
  const before = tf.memory().numTensors;
  const [plain, kept, nested] = [
    train((f, x) => f(x), variables),
    train(checkpointed, variables),
    train((f, x) => checkpointed(h => checkpointed(f, h), x), variables),
  ];
  expect(tf.memory().numTensors).toBe(before + 3 + 3);
  expect([...(await kept.data())]).toEqual([...(await plain.data())]);
  expect([...(await nested.data())]).toEqual([...(await plain.data())]);
  const last = variables.slice(2);
  const [one, checkpointedOne] = [train((f, x) => f(x), variables, last), train(checkpointed, variables, last)];
  expect([...(await checkpointedOne.data())]).toEqual([...(await one.data())]);
  tf.dispose([plain, kept, nested, one, checkpointedOne, variables]);
});

// TensorFlow.js counts the same on every backend.
test.runIf(process.env.PEFT_BACKEND === 'cpu')('keeps only the inputs of layers', async () => {
  const peak = async (call: (layer: Layer, x: tf.Tensor) => tf.Tensor): Promise<number> => {
    const deep = weights(2);
    const before = tf.memory().numBytes;
    const wide: Layer = x => tf.mean(tf.tanh(tf.tanh(tf.tanh(linear(tf.tile(x, [64, 1]), deep[1])))), 0, true);
    const { peakBytes } = await tf.profile(() =>
      tf.tidy(() => {
        const layers = Array.from({ length: 24 });
        const loss = () => tf.sum(layers.reduce((h: tf.Tensor) => call(wide, h), deep[0])) as tf.Scalar;
        const { value, grads } = valueAndGrads(loss, deep);
        tf.dispose(grads as tf.Tensor[]);
        return value;
      }),
    );
    tf.dispose(deep);
    return peakBytes - before;
  };
  expect(await peak(checkpointed)).toBeLessThan(0.4 * (await peak((f, x) => f(x))));
});

test('what gradients cannot flow through is constant', () => {
  const [w] = weights(1);
  const x = random('x', [4, width]);
  expect(isConstant(x)).toBe(false);
  valueAndGrads(() => {
    const fixed = detached(t => linear(t, w), x);
    const moved = linear(x, w);
    expect([x, fixed, w, moved, tf.add(fixed, 1)].map(isConstant)).toEqual([true, true, false, false, false]);
    return tf.sum(tf.add(fixed, moved)) as tf.Scalar;
  }, [w]);
  w.dispose();
});
