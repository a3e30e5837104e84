import type { Engine, HostTensors, Step } from '@peft/core';
import { eagerEngine, fromFloat32, isDeferred, Linear, loadState } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { batch, batchOf, checkpointedCall, expectSame, numbers, train, trainer } from '../../test/trainer.ts';
import { type InputSpec, record } from '../record/record.ts';
import { onnxEngine } from './node.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await onnxEngine({ threads: 1 });
});
afterEach(() => {
  expect(tf.getBackend()).toBe('cpu');
});
afterAll(() => engine.dispose());

/** Runs a step once. */
async function once(step: Step, inputs: HostTensors = {}): Promise<HostTensors> {
  const compiled = engine.compile(step);
  try {
    return await compiled.run(inputs);
  } finally {
    await compiled.dispose();
  }
}

const scalarInput = (value: number): HostTensors => ({ x: { data: Float32Array.of(value), shape: [] } });

describe('a training step', () => {
  test('gives the losses and the state of an eager one, dropout included', async () => {
    const [recorded, eager] = [await train(engine, 20), await train(eagerEngine(), 20)];
    expectSame(recorded, eager);
    expect(eager.losses.at(-2)).toBeLessThan(eager.losses[0]);
  });

  test('has one graph for each shape of its inputs, on the same state', async () => {
    expectSame(
      await train(engine, 9, [batch, batch, batch - 1]),
      await train(eagerEngine(), 9, [batch, batch, batch - 1]),
    );
  });

  test('runs a checkpointed block again in the backward pass, with the same random numbers and results', async () => {
    const specs = Object.fromEntries(
      Object.entries(batchOf(0)).map(([name, { data, shape }]): [string, InputSpec] => [
        name,
        { shape, dtype: data instanceof Int32Array ? 'int32' : 'float32' },
      ]),
    );
    const softmaxes = ({ step, variables }: ReturnType<typeof trainer>): number => {
      const { graph } = record(step, specs);
      tf.dispose(variables);
      return graph.nodes.filter(({ op }) => op === 'Softmax').length;
    };
    expect([softmaxes(trainer()), softmaxes(trainer(checkpointedCall))]).toEqual([1, 2]);
    expectSame(await train(engine, 5, [batch], checkpointedCall), await train(eagerEngine(), 5));
  });

  test('leaves no tensor behind', async () => {
    const { step, variables } = trainer();
    const compiled = engine.compile(step);
    const before = tf.memory();
    for (let i = 0; i < 1000; i++) await compiled.run(batchOf(i));
    expect(tf.memory()).toEqual(before);
    await engine.sync();
    expect(tf.memory().numTensors).toEqual(before.numTensors);
    await compiled.dispose();
    tf.dispose(variables);
  });
});

test('recording leaves any backend as it was, and reads its variables', async () => {
  await import('@tensorflow/tfjs-backend-wasm');
  await tf.setBackend('wasm');
  try {
    const found = await train(engine, 3);
    expect(tf.getBackend()).toBe('wasm');
    await tf.setBackend('cpu');
    expectSame(found, await train(eagerEngine(), 3));
  } finally {
    await tf.setBackend('cpu');
  }
});

describe('variables', () => {
  test('are shared by the steps of an engine, and written back by sync alone', async () => {
    const weight = tf.variable(tf.scalar(1));
    const grow = engine.compile(({ x }) => {
      weight.assign(tf.add(weight, x));
      return {};
    });
    const look = engine.compile(() => ({ weight: tf.mul(weight, 1) }));
    await grow.run(scalarInput(2));
    await grow.run(scalarInput(3));
    expect((await look.run({})).weight.data[0]).toBe(6);
    expect((await weight.data())[0]).toBe(1);
    await engine.sync();
    expect((await weight.data())[0]).toBe(6);
    weight.assign(tf.scalar(10));
    engine.invalidate('values');
    await grow.run(scalarInput(1));
    expect((await look.run({})).weight.data[0]).toBe(11);
    engine.invalidate('values'); // what no sync has saved is given up
    expect((await look.run({})).weight.data[0]).toBe(10);
    weight.dispose();
    await expect(look.run({})).rejects.toThrow(/disposed/);
  });

  test('whose values nobody has read go to the engine alone', async () => {
    const fc = new Linear(2, 2, { bias: false });
    loadState(fc, new Map([['weight', fromFloat32(Float32Array.of(1, 2, 3, 4), [2, 2])]]), { source: 'memory' });
    const { value } = fc.weight;
    const { y } = await once(() => ({ y: tf.mul(value, 1) }));
    expect([...y.data]).toEqual([1, 3, 2, 4]);
    expect(isDeferred(value.dataId)).toBe(true);
    expect([...(await tf.mul(value, 2).data())]).toEqual([2, 6, 4, 8]);
    expect(isDeferred(value.dataId)).toBe(false);
    fc.weight.dispose();
  });

  test('may share their data', async () => {
    const zero = tf.zeros([2]);
    const [a, b] = [tf.variable(zero), tf.variable(zero)];
    const { sum } = await once(({ x }) => {
      a.assign(tf.add(a, x));
      b.assign(tf.sub(tf.add(b, a), 5));
      a.assign(tf.add(a, b));
      return { sum: tf.stack([a, b]) };
    }, scalarInput(2));
    expect([...sum.data]).toEqual([-1, -1, -3, -3]);
    await engine.sync();
    expect([...(await a.data()), ...(await b.data())]).toEqual([-1, -1, -3, -3]);
    expect([...(await zero.data())]).toEqual([0, 0]);
  });

  test('may be assigned without being read, and be outputs themselves', async () => {
    const last = tf.variable(tf.scalar(0));
    const { before, x } = await once(inputs => {
      const before = tf.clone(last);
      last.assign(inputs.x as tf.Scalar);
      return { before, x: inputs.x };
    }, scalarInput(7));
    expect([before.data[0], x.data[0]]).toEqual([0, 7]);
    await engine.sync();
    expect((await last.data())[0]).toBe(7);
  });

  test('and tensors made outside the step may be of any type', async () => {
    const table = tf.tensor2d(numbers(300, 1), [100, 3]);
    const mask = tf.variable(tf.tensor1d([true, false, true], 'bool'));
    const { y, flipped } = await once(({ x }) => {
      const y = tf.where(mask, tf.sum(table, 0), x);
      mask.assign(tf.logicalNot(mask) as tf.Tensor1D);
      return { y, flipped: mask };
    }, scalarInput(5));
    const sums = await tf.sum(table, 0).data();
    expect(y.data[0]).toBeCloseTo(sums[0], 4);
    expect(y.data[1]).toBe(5);
    expect([...flipped.data]).toEqual([0, 1, 0]);
    await engine.sync();
    expect([...(await mask.data())]).toEqual([0, 1, 0]);
  });

  test('and a changed step are taken up after invalidate', async () => {
    let factor = 2;
    const step = engine.compile(({ x }) => ({ y: tf.mul(x, factor) }));
    expect((await step.run(scalarInput(3))).y.data[0]).toBe(6);
    factor = 5;
    expect((await step.run(scalarInput(3))).y.data[0]).toBe(6);
    engine.invalidate('structure');
    expect((await step.run(scalarInput(3))).y.data[0]).toBe(15);
  });
});

describe('a step that cannot be recorded says why', () => {
  const failures: [string, Step, RegExp][] = [
    [
      'reading a value',
      ({ x }) => ({ y: tf.scalar(tf.exp(x).dataSync()[0]) }),
      /reads a \[\] float32 tensor \(Exp_\d+\).*tf\.where/,
    ],
    ['reading an array', ({ x }) => ({ y: tf.tensor(tf.neg(x).arraySync()) }), /reads/],
    ['host numbers', ({ x }) => ({ y: tf.add(x, tf.tensor(numbers(65, 1))) }), /shape \[65\] from a host array/],
    ['a new variable', ({ x }) => ({ y: tf.variable(x, true, 'late') }), /makes the variable "late"/],
    [
      'an unknown kernel',
      () => ({ y: tf.dilation2d(tf.zeros([2, 2, 1]) as tf.Tensor3D, tf.zeros([1, 1, 1]) as tf.Tensor3D, 1, 'same') }),
      /kernel Dilation2D/,
    ],
    ['nothing to do', () => ({}), /neither returns/],
  ];
  test.each(failures)('%s', async (_, step, message) => {
    const weight = tf.variable(tf.scalar(4));
    const before = tf.memory().numTensors;
    const failing: Step = inputs => {
      if (message.source !== 'neither returns') weight.assign(tf.add(weight, 1));
      return step(inputs);
    };
    await expect(once(failing, scalarInput(1))).rejects.toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
    expect((await weight.data())[0]).toBe(4);
    weight.dispose();
  });

  test('or fails as it would eagerly', async () => {
    await expect(once(({ x }) => ({ y: tf.reshape(x, [3]) }), scalarInput(1))).rejects.toThrow(/Size\(1\)/);
  });

  test('wrong sizes of an input', async () => {
    const step = engine.compile(({ x }) => ({ y: tf.neg(x) }));
    await expect(step.run({ x: { data: new Float32Array(3), shape: [2] } })).rejects.toThrow(
      /needs 2 numbers; found 3/,
    );
  });

  test('a provider that is not there', async () => {
    await expect(onnxEngine({ provider: 'abacus' as 'cuda' })).rejects.toThrow(/cannot use "abacus" here/);
  });
});

test('runs wait for each other, and the engine ends', async () => {
  const own = await onnxEngine({ threads: 1 });
  expect(own.name).toBe('onnxruntime-node (cpu, 1 thread)');
  const count = tf.variable(tf.scalar(0));
  const step = own.compile(() => {
    count.assign(tf.add(count, 1));
    return { count };
  });
  const results = await Promise.all(Array.from({ length: 5 }, () => step.run({})));
  expect(results.map(({ count }) => count.data[0])).toEqual([1, 2, 3, 4, 5]);
  await own.dispose();
  await expect(step.run({})).rejects.toMatchObject({ name: 'PeftError' });
});
