import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { withScope } from '../engine/index.ts';
import { dropout, eagerEngine, type HostTensors, type Step } from '../index.ts';

const input: HostTensors = {
  x: { data: Float32Array.from({ length: 32 }, (_, i) => i), shape: [4, 8] },
  labels: { data: Int32Array.of(2, 0), shape: [2] },
};

const training = (body: () => Record<string, tf.Tensor>): Record<string, tf.Tensor> =>
  withScope({ training: true }, body);

test('a step run twice with the same seed gives the same, with another seed another', async () => {
  const step = eagerEngine().compile(({ x }) => training(() => ({ y: dropout(x, 0.5, 'target') })));
  const [first, second, third] = [await step.run(input, 3), await step.run(input, 3), await step.run(input, 4)];
  expect(first).toEqual(second);
  expect(first.y.shape).toEqual([4, 8]);
  expect([...first.y.data]).not.toEqual([...third.y.data]);
});

test('inputs keep their type, and nothing is left behind, whatever the step gives back', async () => {
  const state = tf.variable(tf.scalar(1));
  const engine = eagerEngine();
  expect(engine.name).toBe(`tfjs ${tf.getBackend()}`);
  const body: Step = ({ x, labels }) => {
    state.assign(tf.add(state, 1));
    return { x, labels, again: x, state };
  };
  const step = engine.compile(body);
  const before = tf.memory().numTensors;
  await step.run(input);
  const { x, labels, again, state: value } = await step.run(input);
  expect([x, labels, again]).toEqual([input.x, input.labels, input.x]);
  expect([...value.data]).toEqual([3]);
  expect(tf.memory().numTensors).toBe(before);
  expect(state.isDisposed).toBe(false);
  state.dispose();
  await step.dispose();
  await engine.dispose();
});

test('a step that fails leaves nothing behind', async () => {
  const step = eagerEngine().compile(({ x }) => {
    tf.add(x, 1);
    throw new Error('on purpose');
  });
  const before = tf.memory().numTensors;
  await expect(step.run(input)).rejects.toThrow('on purpose');
  expect(tf.memory().numTensors).toBe(before);
});
