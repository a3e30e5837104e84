import { type AdaptedModel, type Engine, eagerEngine, type HostTensors, type Step } from '@peft/core';
import { valueAndGrads, withScope } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { loss } from '../loss.ts';
import { difference } from '../net.ts';
import { moved, type Subject } from '../subject.ts';

/** A step as training has it: the loss, and its gradient by each trained parameter. */
const stepOf =
  (model: AdaptedModel): Step =>
  ({ x }) => {
    const trainable = [...model.trainable()];
    const variables = trainable.map(([, { value }]) => value);
    const { value, grads } = withScope({ training: true }, () => valueAndGrads(() => loss(model, x), variables));
    const byPath = trainable.map(([path], i) => [path, grads[i] ?? tf.zerosLike(variables[i])] as const);
    return { loss: value, ...Object.fromEntries(byPath) };
  };

async function runOn(engine: Engine, model: AdaptedModel, x: HostTensors): Promise<HostTensors> {
  const step = engine.compile(stepOf(model));
  try {
    return await step.run(x, 1);
  } finally {
    await step.dispose();
  }
}

/** The eager engine and the given one. */
export function checkEngines(subject: Subject): void {
  const { engine } = subject;
  if (!engine) return;
  test('a step has the same loss and gradients on every engine', async () => {
    const model = await moved(subject);
    const input = subject.input();
    const x = { x: { data: Float32Array.from(await input.data()), shape: input.shape } };
    const here = await runOn(eagerEngine(), model, x);
    const there = await runOn(await engine(), model, x);
    expect(Object.keys(there)).toEqual(Object.keys(here));
    for (const [name, { data }] of Object.entries(here)) {
      const largest = Math.max(...data.map(Math.abs));
      expect(difference(there[name].data, data), name).toBeLessThanOrEqual(1e-4 * largest);
    }
  });
}
