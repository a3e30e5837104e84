import type { Engine, HostTensors, Step } from '@peft/core';
import { eagerEngine, fromFloat32, initialize, key, Linear, loadState } from '@peft/core';
import { currentRandom, isDeferred } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
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
    for (let i = 0; i < 1000; i++) await compiled.run(batchOf(i), i);
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
    weight.assign(tf.scalar(10)); // wins over what the engine has
    await engine.sync();
    expect((await weight.data())[0]).toBe(10);
    await grow.run(scalarInput(1));
    expect((await look.run({})).weight.data[0]).toBe(11);
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

  test('that are assigned without being read lose the storage that another step gave them', async () => {
    const own = await onnxEngine({ threads: 1, frozenDtype: 'f16' });
    const fc = initialize(new Linear(2, 2, { bias: false }), key(0));
    fc.weight.trainable = false;
    fc.weight.set(Float32Array.of(1, 1 + 2 ** -20, 3, 4));
    const weight = fc.weight.value;
    const look = own.compile(() => ({ y: tf.mul(weight, 1) }));
    const set = own.compile(({ x }) => {
      weight.assign(tf.mul(x, tf.onesLike(weight)));
      return {};
    });
    expect([...(await look.run({})).y.data].sort()).toEqual([1, 1, 3, 4]); // rounded
    await set.run(scalarInput(1 + 2 ** -20));
    expect([...(await look.run({})).y.data]).toEqual(Array(4).fill(1 + 2 ** -20));
    await own.dispose();
    fc.weight.dispose();
  });

  test('that no step can use are left alone', async () => {
    const others = [tf.variable(tf.tensor(['a', 'b'])), tf.variable(tf.complex([1], [2]))];
    const weight = tf.variable(tf.scalar(2));
    const { y } = await once(({ x }) => ({ y: tf.mul(weight, x) }), scalarInput(3));
    expect(y.data[0]).toBe(6);
    expect([...(await others[0].data())]).toEqual(['a', 'b']);
    await expect(once(() => ({ y: tf.clone(others[1]) }))).rejects.toThrow(/found one of complex64/);
    expect((await weight.data())[0]).toBe(2);
    tf.dispose([...others, weight]);
  });

  test('whose reading fails are read again, with those read beside them', async () => {
    const [a, b] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(2))];
    const step = engine.compile(() => ({ y: tf.add(a, tf.mul(b, 10)) }));
    expect((await step.run({})).y.data[0]).toBe(21);
    a.assign(tf.scalar(3));
    b.assign(tf.scalar(4));
    const read = vi.spyOn(tf.engine(), 'read').mockRejectedValueOnce(new Error('gone'));
    await expect(step.run({})).rejects.toThrow('gone');
    read.mockRestore();
    expect((await step.run({})).y.data[0]).toBe(43);
    await step.dispose();
    tf.dispose([a, b]);
  });
});

describe('a step', () => {
  test('is recorded once for its shapes in any order, and anew after invalidate', async () => {
    let [factor, recorded] = [2, 0];
    const step = engine.compile(({ x, y }) => {
      recorded++;
      return { y: tf.add(tf.mul(x, factor), y) };
    });
    const y = { data: Float32Array.of(0), shape: [] };
    expect((await step.run({ ...scalarInput(3), y })).y.data[0]).toBe(6);
    factor = 5;
    expect((await step.run({ y, ...scalarInput(3) })).y.data[0]).toBe(6);
    expect(recorded).toBe(1);
    engine.invalidate();
    expect((await step.run({ ...scalarInput(3), y })).y.data[0]).toBe(15);
    expect(recorded).toBe(2);
    await step.dispose();
    await expect(step.run({ ...scalarInput(3), y })).rejects.toMatchObject({ code: 'state' });
  });

  test('that draws random numbers wants a seed', async () => {
    const draw: Step = ({ x }) => ({ y: tf.add(x, tf.sum(currentRandom('noise').uniform('noise', [3]))) });
    await expect(once(draw, scalarInput(1))).rejects.toThrow('"noise" draws random numbers; give run() a seed');
    await expect(eagerEngine().compile(draw).run(scalarInput(1))).rejects.toThrow(/noise needs random numbers; give/);
  });

  test('gives booleans as numbers, as an eager one does', async () => {
    const step: Step = ({ x }) => ({ y: tf.greater(x, [1, 2, 3]) });
    const expected = { y: { data: Int32Array.of(1, 0, 0), shape: [3] } };
    expect(await once(step, scalarInput(2))).toEqual(expected);
    expect(await eagerEngine().compile(step).run(scalarInput(2))).toEqual(expected);
  });

  test('leaves the event loop free while it runs', async () => {
    const weight = tf.variable(tf.randomNormal([1500, 1500], 0, 1, 'float32', 1));
    const step = engine.compile(({ x }) => ({
      y: tf.sum(tf.matMul(tf.matMul(tf.mul(weight, x) as tf.Tensor2D, weight), weight)),
    }));
    await step.run(scalarInput(1));
    let [ticks, running] = [0, true];
    const tick = (): void => {
      ticks++;
      if (running) setImmediate(tick);
    };
    tick();
    await step.run(scalarInput(2));
    running = false;
    expect(ticks).toBeGreaterThan(100); // a run that blocked would leave a few
    await step.dispose();
    weight.dispose();
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
    ['random numbers of the host', ({ x }) => ({ y: tf.add(x, tf.randomUniform([3])) }), /random numbers of the host/],
    ['dropout of the host', ({ x }) => ({ y: tf.dropout(tf.stack([x, x]), 0.5) }), /random numbers of the host/],
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
  await own.dispose();
  await expect(step.run({})).rejects.toMatchObject({ name: 'PeftError', code: 'state' });
  await step.dispose();
  await expect(own.compile(() => ({ count })).run({})).rejects.toMatchObject({ code: 'state' });
});
