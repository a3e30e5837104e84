import type * as tf from '@tensorflow/tfjs-core';
import { expect, test, vi } from 'vitest';
import * as core from '../index.ts';

vi.resetModules();
const other: typeof core = await import('../index.ts');

class Net extends core.Module {
  readonly fc1: core.Linear;
  readonly parts: core.Module[];

  constructor(fc1: core.Linear, parts: core.Module[] = []) {
    super();
    this.fc1 = fc1;
    this.parts = parts;
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.fc1.call(x);
  }
}

const advice = /another copy of @peft\/core.*npm ls @peft\/core.*npm dedupe/;

test('there are two copies', () => expect(other.Module).not.toBe(core.Module));

test.each<[string, () => core.Module, RegExp]>([
  ['a module', () => new Net(new other.Linear(2, 2)), /^fc1 is a Linear of/],
  ['a module in a list', () => new Net(new core.Linear(2, 2), [new other.Linear(2, 2)]), /^parts\.0 is a Linear of/],
  ['a model', () => new other.Linear(2, 2), /^The model is a Linear of/],
  [
    'a parameter',
    () => Object.assign(new Net(new core.Linear(2, 2)), { scale: new other.Parameter([2], other.ones) }),
    /^scale is a Parameter of/,
  ],
])('%s of another copy is refused, not passed over', (_, model, message) => {
  for (const use of [() => [...core.parameters(model())], () => core.adapt(model())]) {
    expect(use).toThrow(message);
    expect(use).toThrow(advice);
  }
});

test('a method of another copy adapts as one of its own', async () => {
  const model = new Net(new core.Linear(2, 3));
  core.initialize(model, core.key(1));
  const adapted = core.adapt(model);
  await adapted.add(other.adaptformer({ targets: ['fc1'], r: 1 }));
  expect(core.countParameters(model, [adapted.get('default').plan]).adapter).toBe(5);
  adapted.dispose();
});
