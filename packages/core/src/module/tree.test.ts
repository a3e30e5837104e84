import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { difference, Layer, Net, net, run, x } from '../../test/nets.ts';
import {
  bindPaths,
  disposeModule,
  fromFloat32,
  getModule,
  initialize,
  key,
  Linear,
  loadState,
  Module,
  modules,
  Parameter,
  PeftError,
  parameters,
  patch,
  type StoredTensor,
  saveState,
  zeros,
} from '../index.ts';

describe('paths', () => {
  test('are the names of fields, with indices for arrays', () => {
    const model = bindPaths(new Net());
    const paths = [...modules(model)].map(([path]) => path);
    const layer = (i: number): string[] => ['', '.qkv', '.proj', '.drop'].map(name => `layers.${i}${name}`);
    expect(paths).toEqual(['', ...layer(0), ...layer(1), 'head']);
    expect(model.layers[1].qkv.path).toBe('layers.1.qkv');
    expect(getModule(model, 'layers.1.qkv')).toBe(model.layers[1].qkv);
    expect(() => getModule(model, 'layers.2')).toThrow('There is no module "layers.2" in Net.');
    expect([...parameters(model)].slice(-2).map(([path]) => path)).toEqual(['head.weight', 'head.bias']);
  });

  test('decide initial values: another layer changes no other', async () => {
    const [two, three] = [net(2), net(3)];
    const others = new Map(parameters(three));
    for (const [path, parameter] of parameters(two)) {
      expect(await parameter.get()).toEqual(await others.get(path)?.get());
    }
    expect(await two.layers[0].qkv.weight.get()).not.toEqual(await two.layers[1].qkv.weight.get());
  });

  test('values that are there are kept', async () => {
    const model = new Net();
    model.head.weight.set(new Float32Array(12).fill(3));
    expect(await initialize(model, key(1)).head.weight.get()).toEqual(new Float32Array(12).fill(3));
  });
});

describe('parameters', () => {
  test('have no values, and no memory, until they are given some', () => {
    const before = tf.memory().numTensors;
    const model = new Net();
    expect(() => model.head.weight.value).toThrow(/has no values yet/);
    initialize(model, key(1));
    disposeModule(model);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('copy what they are set to', async () => {
    const parameter = new Parameter([2], zeros);
    const values = Float32Array.of(1, 2);
    parameter.set(values);
    values[0] = 9;
    expect([...(await parameter.get())]).toEqual([1, 2]);
    expect(() => parameter.set(new Float32Array(3))).toThrow('3 values do not fit shape [2].');
    parameter.dispose();
  });
});

test('a parameter can share a variable that belongs to someone else', async () => {
  const variable = tf.variable(tf.tensor1d([1, 2]));
  const parameter = new Parameter([2], zeros);
  parameter.adopt(variable);
  parameter.set(Float32Array.of(3, 4));
  expect([...(await variable.data())]).toEqual([3, 4]);
  parameter.dispose();
  expect(parameter.isMaterialized).toBe(false);
  expect([...(await variable.data())]).toEqual([3, 4]);
  variable.dispose();
  expect(() => parameter.adopt(tf.variable(tf.zeros([3])))).toThrow(expect.objectContaining({ code: 'bad-shape' }));
});

describe('loading', () => {
  test('is strict and reports all that is wrong at once, before anything is changed', async () => {
    const model = net(1);
    const tensors = await saveState(model);
    const before = await model.layers[0].proj.weight.get();
    tensors.set('layers.0.proj.weight', fromFloat32(new Float32Array(24), [4, 6]));
    tensors.delete('head.bias');
    tensors.set('head.weight', fromFloat32(new Float32Array(12), [4, 3]));
    tensors.set('fc.weight', fromFloat32(new Float32Array(1), [1]));
    expect(() => loadState(model, tensors, { source: 'net.safetensors' })).toThrow(
      'net.safetensors does not hold the weights of this Net:\n' +
        '  1 missing: head.bias\n' +
        '  1 unexpected: fc.weight\n' +
        '  1 of another shape: head.weight [4,3] should be [3,4]\n',
    );
    expect(await model.layers[0].proj.weight.get()).toEqual(before);
    tensors.delete('fc.weight');
    tensors.delete('head.weight');
    loadState(model, tensors, { source: 'net.safetensors', optional: path => path.startsWith('head.') });
    expect(await model.layers[0].proj.weight.get()).toEqual(new Float32Array(24));
  });

  test('gives back what was saved, in the layout of files', async () => {
    const [model, other] = [net(), initialize(new Net(), key(2))];
    const saved: Map<string, StoredTensor> = await saveState(model);
    expect(saved.get('layers.0.qkv.weight')?.shape).toEqual([6, 4]);
    expect(await run(other)).not.toEqual(await run(model));
    loadState(other, saved, { source: 'memory' });
    expect(await run(other)).toEqual(await run(model));
  });

  test('in half precision is off by its rounding only', async () => {
    const [model, other] = [net(), new Net()];
    loadState(other, await saveState(model, 'F16'), { source: 'memory' });
    const error = difference(await run(other), await run(model));
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(5e-3);
  });
});

describe('patches', () => {
  const double = { output: (y: tf.Tensor) => tf.mul(y, 2) };
  const increase = { output: (y: tf.Tensor) => tf.add(y, 1) };

  test('apply in the order they were made, and come off in any order', async () => {
    const fc = initialize(new Linear(4, 2), key(1));
    const plain = await run(fc);
    const undo = [double, increase, double].map(change => patch(fc, change));
    expect(
      difference(
        await run(fc),
        plain.map(y => 4 * y + 2),
      ),
    ).toBeLessThan(1e-5);
    undo[0]();
    undo[0]();
    expect(
      difference(
        await run(fc),
        plain.map(y => 2 * (y + 1)),
      ),
    ).toBeLessThan(1e-5);
    undo[2]();
    expect(
      difference(
        await run(fc),
        plain.map(y => y + 1),
      ),
    ).toBeLessThan(1e-5);
    undo[1]();
    expect(await run(fc)).toEqual(plain);
    expect(fc.isPristine).toBe(true);
  });

  test('change the input, the weight and the output; the output sees the input as it was run', async () => {
    const fc = initialize(new Linear(4, 4, { bias: false }), key(1));
    const plain = await run(fc);
    patch(fc, { input: t => tf.mul(t, 3) });
    patch(fc, { weight: w => tf.mul(w, 0) });
    patch(fc, { output: (y, input) => tf.add(y, input) });
    const scaled = tf.mul(x(), 3);
    expect(difference(await run(fc), [...(await scaled.data())])).toBeLessThan(1e-5);
    expect(plain.some(y => y !== 0)).toBe(true);
  });

  test('leave no tensor behind', () => {
    const model = net();
    const input = x();
    const before = tf.memory().numTensors;
    const undo = [patch(model.layers[0], double), patch(model.head, { input: t => tf.neg(t) })];
    model.call(input).dispose();
    for (const back of undo) back();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('calls', () => {
  test('an error tells, once, where in the tree it arose', () => {
    const model = net();
    patch(model.layers[1].proj, {
      input() {
        throw new PeftError('numerics', 'not a number');
      },
    });
    expect(() => model.call(x())).toThrow(
      expect.objectContaining({ code: 'numerics', message: 'not a number\n  in layers.1.proj (Linear)' }),
    );
    expect(() => net().call(tf.zeros([2, 5]))).toThrow(
      /x \[2,5\] does not fit weight \[4,6\].*\n {2}in layers\.0\.qkv \(Linear\)$/,
    );
  });

  test.each<[string, () => Error]>([
    ['a mistake in code', () => new TypeError('x is not iterable')],
    ['an error of Node', () => Object.assign(new Error('no such file'), { code: 'ENOENT' })],
    ['an interruption', () => new DOMException('stopped', 'AbortError')],
  ])('%s stays the error that it is, and tells, once, where it arose', (_, make) => {
    const model = net();
    const error = make();
    const { message, name, code } = error as Error & { code?: unknown };
    patch(model.layers[1].proj, {
      input() {
        throw error;
      },
    });
    let thrown: unknown;
    try {
      model.call(x());
    } catch (caught) {
      thrown = caught;
    }
    expect(thrown).toBe(error);
    expect(thrown).toMatchObject({ name, ...(code !== undefined && { code }) });
    expect(error.message).toBe(`${message}\n  in layers.1.proj (Linear)`);
  });

  test('the result belongs to the caller, also where a module gives back its input or a parameter', async () => {
    class Same extends Module {
      forward(input: tf.Tensor): tf.Tensor {
        return input;
      }
    }
    class Constant extends Module {
      readonly value = new Parameter([1], zeros);
      forward(): tf.Tensor {
        return this.value.value;
      }
    }
    const input = x();
    new Same().call(input).dispose();
    expect(input.isDisposed).toBe(false);
    const constant = initialize(new Constant(), key(0));
    constant.call(input).dispose();
    expect([...(await constant.value.get())]).toEqual([0]);
  });

  test('a layer is a module like any other', async () => {
    const layer = initialize(new Layer(), key(3));
    expect(await run(layer)).toHaveLength(8);
  });
});
