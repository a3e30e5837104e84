import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { difference, lowRank, Net, net, run, x } from '../../test/nets.ts';
import { valueAndGrads } from '../engine/index.ts';
import {
  type AdaptedModel,
  adapt,
  adaptformer,
  attachAdapterFolder,
  countParameters,
  type FolderFiles,
  key,
  type Method,
  type MethodFactory,
  readAdapterFolder,
  saveState,
  type TargetOptions,
  writeAdapterFolder,
} from '../index.ts';
import { type LowRank, lowRankDeltaWeight, planAdapter } from '../method/index.ts';

const all: TargetOptions = { targets: ['qkv', 'proj'] };
const state = expect.objectContaining({ code: 'state' });

/** Adds an adapter and moves its every tensor away from its start. */
async function addMoved(model: AdaptedModel, name: string, method: Method, active = true): Promise<void> {
  const adapter = await model.add(name, method, { key: key(7), active });
  for (const [path, parameter] of adapter.parameters()) {
    const offset = name.length + path.length;
    parameter.set((await parameter.get()).map((value, i) => value + 0.2 * Math.cos(i + offset)));
  }
}

/** What each adapter adds alone, and the base. */
async function outputs(model: AdaptedModel, ...selections: Parameters<AdaptedModel['use']>[0][]): Promise<number[][]> {
  const found: number[][] = [];
  for (const selection of selections) {
    model.use(selection);
    found.push(await run(model));
  }
  return found;
}

test('add needs a method alone: the name is default, the values those of key(0)', async () => {
  const [short, long] = [adapt(net()), adapt(net())];
  const method = lowRank({ targets: all });
  const adapter = await short.add(method);
  await long.add('default', method, { key: key(0) });
  expect(short.get('default')).toBe(adapter);
  expect(await adapter.targetValues()).toMatchObject(
    (await long.get('default').targetValues()).map(({ values }) => ({ values })),
  );
  expect((await short.add('other', method)).name).toBe('other');
});

test('the summary counts as Hugging Face peft does', async () => {
  const model = adapt(net());
  await model.add(lowRank({ targets: all }));
  const { trainable, base, adapter } = countParameters(model.base, [model.get('default').plan]);
  const percent = Number(((100 * trainable) / (base + adapter)).toPrecision(3));
  expect(model.trainableSummary()).toBe(
    `trainable params: ${trainable} || all params: ${base + adapter} || trainable%: ${percent}`,
  );
});

describe('several adapters', () => {
  test('act alone, summed, weighted, disabled', async () => {
    // On the head alone, which is linear, adapters add up exactly.
    const model = adapt(net());
    const base = await run(net());
    for (const name of ['a', 'bb']) await addMoved(model, name, lowRank({ targets: { targets: ['head'] } }));
    const both = await run(model);
    const [a, b, weighted, none] = await outputs(model, 'a', ['bb'], { a: 0.5, bb: -2 }, []);
    expect(difference(a, base)).toBeGreaterThan(0.01);
    expect(
      difference(
        both,
        a.map((value, i) => value + b[i] - base[i]),
      ),
    ).toBeLessThan(1e-4);
    expect(
      difference(
        weighted,
        a.map((value, i) => base[i] + 0.5 * (value - base[i]) - 2 * (b[i] - base[i])),
      ),
    ).toBeLessThan(1e-4);
    expect(none).toEqual(base);
    model.use(['a', 'a', 'bb']);
    expect(await run(model)).toEqual(both);
    model.enabled = false;
    expect(await run(model)).toEqual(base);
    model.enabled = true;
    expect(await run(model)).toEqual(both);
    expect(() => model.use(['c'])).toThrow('There is no adapter "c"; there are: a, bb.');
    expect(model.active.map(({ name }) => name)).toEqual(['a', 'bb']);
  });

  test.each<[string, string[][]]>([
    ['whole and slice with the same start', [['qkv'], ['qkv[q]']]],
    ['slices beside and above each other', [['qkv[v]'], ['qkv[q,v]'], ['qkv[k]', 'proj']]],
  ])('%s: the sum is what is merged', async (_, targets) => {
    const model = adapt(net());
    for (const [i, names] of targets.entries())
      await addMoved(model, `a${i}`, lowRank({ targets: { targets: names } }));
    const adapted = await run(model);
    expect(difference(adapted, await run(net()))).toBeGreaterThan(0.01);
    model.merge();
    expect(difference(await run(model), adapted)).toBeLessThan(1e-4);
    model.unmerge();
    expect(await run(model)).toEqual(adapted);
  });

  test('the base of a target is that of the frozen weight, whatever an adapter adds to it', async () => {
    const targets = { targets: ['qkv[k,v]', 'proj'] };
    const added: Method<object, LowRank> = {
      ...lowRank({ targets }),
      delta: ({ baseOutput }) => tf.zerosLike(baseOutput()),
      weightDelta: ({ parameters }) => lowRankDeltaWeight(parameters, 1),
    };
    const halved: Method = {
      ...lowRank({ targets }),
      delta: ({ baseOutput }) => tf.mul(baseOutput(), -0.5),
      deltaWeight: ({ weight }) => tf.mul(weight(), -0.5),
    };
    const model = adapt(net());
    await addMoved(model, 'weight', added);
    const alone = await run(model);
    expect(difference(alone, await run(net()))).toBeGreaterThan(0.01);
    await addMoved(model, 'base', halved);
    const both = await run(model);
    expect(difference(both, alone)).toBeGreaterThan(0.01);
    model.merge();
    expect(difference(await run(model), both)).toBeLessThan(1e-4);
  });

  test('while merged, only unmerging is allowed', async () => {
    const model = adapt(net());
    const base = await saveState(model.base);
    await addMoved(model, 'a', lowRank({ targets: all }));
    await addMoved(model, 'bb', lowRank({ targets: all }));
    model.use({ a: 0.5 });
    const adapted = await run(model);
    model.merge();
    expect(difference(await run(model), adapted)).toBeLessThan(1e-4);
    expect(() => model.merge()).toThrow(state);
    expect(() => model.use('bb')).toThrow(state);
    expect(() => model.remove('a')).toThrow(state);
    expect(() => {
      model.enabled = false;
    }).toThrow(state);
    await expect(model.add('c', lowRank({ targets: all }), { key: key(0) })).rejects.toThrow(state);
    await expect(writeAdapterFolder(model)).rejects.toThrow(state);
    model.unmerge();
    expect(await run(model)).toEqual(adapted);
    model.dispose();
    expect(await saveState(model.base)).toEqual(base);
  });

  test('some are merged while the others go on acting, from the frozen weight', async () => {
    const model = adapt(net());
    const based: Method = { ...lowRank({ targets: all }), delta: ({ baseOutput }) => tf.mul(baseOutput(), 0.3) };
    await addMoved(model, 'a', lowRank({ targets: all }));
    await addMoved(model, 'b', { ...based, mergeable: { reason: 'for a reason.' } });
    const both = await run(model);
    expect(() => model.merge()).toThrow('Adapter "b" (low-rank) cannot be merged: for a reason.');
    model.merge(['a']);
    expect(difference(await run(model), both)).toBeLessThan(1e-4);
    model.unmerge();
    expect(await run(model)).toEqual(both);
    model.use('a');
    expect(() => model.merge(['b'])).toThrow('Adapter "b" is not in use');
  });

  test('disposed while merged, the base keeps what was merged, its head too', async () => {
    const model = adapt(net());
    await addMoved(model, 'a', lowRank({ targets: all, modulesToSave: ['head'], bias: 'adapted' }));
    model.merge();
    const merged = await run(model);
    model.dispose();
    expect(await run(model.base)).toEqual(merged);
  });

  test('a merge that fails changes nothing', async () => {
    const model = adapt(net());
    await addMoved(model, 'a', lowRank({ targets: { targets: ['qkv'] } }));
    await addMoved(model, 'b', { ...lowRank({ targets: { targets: ['head'] } }), deltaWeight: undefined });
    const [adapted, before] = [await run(model), tf.memory().numTensors];
    expect(() => model.merge()).toThrow(expect.objectContaining({ code: 'not-mergeable' }));
    expect(model.isMerged).toBe(false);
    expect(await run(model)).toEqual(adapted);
    expect(tf.memory().numTensors).toBe(before);
    model.enabled = false;
    expect(() => model.merge()).toThrow(state);
  });

  test('are removed one by one, until the base is as it was', async () => {
    const before = tf.memory().numTensors;
    const base = net();
    const [plain, held] = [await run(base), tf.memory().numTensors];
    const model = adapt(base);
    await addMoved(model, 'a', lowRank({ targets: all, modulesToSave: ['head'] }));
    await addMoved(model, 'bb', lowRank({ targets: { targets: ['qkv'] } }));
    const [b] = await outputs(model, 'bb');
    model.use(['a', 'bb']);
    model.remove('a');
    expect(await run(model)).toEqual(b);
    expect(base.layers[0].proj.isPristine).toBe(true);
    expect(base.layers[0].qkv.isPristine).toBe(false);
    model.remove('bb');
    expect(await run(model)).toEqual(plain);
    expect(base.layers[0].qkv.isPristine).toBe(true);
    expect(tf.memory().numTensors).toBe(held);
    expect(held).toBeGreaterThan(before);
  });
});

describe('heads of their own', () => {
  const withHead = lowRank({ targets: all, modulesToSave: ['head'] });

  test('belong to one active adapter at a time, and start as the base', async () => {
    const model = adapt(net());
    await addMoved(model, 'a', withHead);
    const tensors = tf.memory().numTensors;
    await expect(model.add('b', withHead, { key: key(1) })).rejects.toThrow(
      'Adapters "a" and "b" both have their own head.weight; use one of them',
    );
    expect([...model.adapters.keys()]).toEqual(['a']);
    expect(tf.memory().numTensors).toBe(tensors);
    const b = await model.add('b', withHead, { key: key(1), active: false });
    expect(model.active.map(({ name }) => name)).toEqual(['a']);
    const original = await net().head.weight.get();
    expect(await b.plan.saved.get('head.weight')?.own.get()).toEqual(original);
    expect(() => model.use({ a: 3, b: 1 })).toThrow(state);
    expect(model.get('a').weight).toBe(1);
    const [alone, other, none] = await outputs(model, 'a', 'b', []);
    expect(difference(alone, none)).toBeGreaterThan(0.01);
    expect(difference(other, none)).toBeLessThan(1e-6);
    expect(await (model.base as Net).head.weight.get()).toEqual(original);
  });

  test('travel through files beside each other', async () => {
    const factory: MethodFactory = Object.assign(() => withHead, { type: 'low-rank' });
    const model = adapt(net());
    await addMoved(model, 'default', withHead);
    await addMoved(model, 'second', withHead, false);
    const [first, second] = await outputs(model, 'default', { second: 0.5 });
    const files = await writeAdapterFolder(model);
    const again = adapt(net());
    await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [factory]));
    expect(again.active.map(({ name, weight }) => [name, weight])).toEqual([['second', 0.5]]);
    expect(await run(again)).toEqual(second);
    expect(await outputs(again, 'default')).toEqual([first]);
  });
});

test('a method that acts on another is read with the one that it acts on unless given another', async () => {
  const twice = ({ base = adaptformer({ targets: ['proj'] }) }: { base?: Method } = {}): Method => ({
    ...base,
    type: 'twice',
    config: {},
    base,
    delta: call => tf.mul(base.delta(call), 2),
  });
  const factory: MethodFactory = Object.assign((options: object) => twice(options), {
    type: 'twice',
    base: adaptformer,
  });
  const model = adapt(net());
  await addMoved(model, 'default', twice());
  const files = await writeAdapterFolder(model);
  const again = adapt(net());
  await attachAdapterFolder(again, readAdapterFolder(files, 'folder', [factory]));
  expect(again.get('default').method.base?.config).toEqual(model.get('default').method.base?.config);
  expect(await run(again)).toEqual(await run(model));
  const alone: MethodFactory = Object.assign((options: object) => twice(options), { type: 'twice' });
  expect(() => readAdapterFolder(files, 'folder', [alone])).toThrow(
    'folder holds an adapter of type adaptformer; can be read: twice.',
  );
});

describe('adding', () => {
  test.each<[string, string, Method, string]>([
    ['an unknown target', 'b', lowRank({ targets: { targets: ['nope'] } }), 'no-match'],
    ['an unknown head', 'b', lowRank({ targets: all, modulesToSave: ['nope'] }), 'no-match'],
    ['a name that is taken', 'a', lowRank({ targets: all }), 'state'],
    ['a name that is no file name', '../b', lowRank({ targets: all }), 'bad-argument'],
  ])('%s leaves nothing behind', async (_, name, method, code) => {
    const model = adapt(net());
    await addMoved(model, 'a', lowRank({ targets: { targets: ['qkv'] } }));
    const [adapted, tensors] = [await run(model), tf.memory().numTensors];
    await expect(model.add(name, method, { key: key(1) })).rejects.toThrow(expect.objectContaining({ code }));
    expect([...model.adapters.keys()]).toEqual(['a']);
    expect((model.base as Net).layers[0].proj.isPristine).toBe(true);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(await run(model)).toEqual(adapted);
  });

  test('a method whose preparation fails half way leaves nothing behind', async () => {
    const model = adapt(net());
    const tensors = tf.memory().numTensors;
    let calls = 0;
    const initFromWeight = async (): Promise<Record<string, Float32Array>> => {
      if (++calls === 2) throw new Error('on purpose');
      return {};
    };
    const method: Method = { ...lowRank({ targets: all }), initFromWeight };
    await expect(model.add('a', method, { key: key(1) })).rejects.toThrow('on purpose');
    expect(model.adapters.size).toBe(0);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test('initial values of a parameter that the method does not have are refused', async () => {
    const model = adapt(net());
    const initFromWeight = async (): Promise<Record<string, Float32Array>> => ({ C: new Float32Array(1) });
    const method: Method = { ...lowRank({ targets: all }), initFromWeight };
    await expect(model.add('a', method)).rejects.toThrow(
      expect.objectContaining({
        code: 'bad-config',
        message: expect.stringMatching(/has no parameter "C"; it has A, B/),
      }),
    );
    expect(model.adapters.size).toBe(0);
  });

  test('initial values are those of the adapter, the target and the key', async () => {
    const values = async (name: string, seed: number, targets: string[], path: string): Promise<Float32Array> => {
      const adapter = await adapt(net()).add(name, lowRank({ targets: { targets } }), { key: key(seed) });
      return adapter.plan.parameters.get(path)!.get();
    };
    const reference = await values('a', 1, ['qkv'], 'layers.1.qkv.A');
    expect(await values('a', 1, ['qkv', 'proj', 'head'], 'layers.1.qkv.A')).toEqual(reference);
    expect(await values('a', 1, ['qkv'], 'layers.0.qkv.A')).not.toEqual(reference);
    expect(await values('b', 1, ['qkv'], 'layers.1.qkv.A')).not.toEqual(reference);
    expect(await values('a', 2, ['qkv'], 'layers.1.qkv.A')).not.toEqual(reference);
  });
});

describe('parameters', () => {
  test('are counted on a model without values, without memory', () => {
    const before = tf.memory().numTensors;
    const model = new Net();
    const method = lowRank({ targets: all, r: 2, modulesToSave: ['head'], bias: 'adapted' });
    expect(countParameters(model, [planAdapter(model, method)])).toEqual({
      base: 2 * (4 * 6 + 6 + 6 * 4 + 4) + 4 * 3 + 3,
      adapter: 2 * 2 * (4 + 6 + 6 + 4),
      adapterTrainable: 2 * 2 * (4 + 6 + 6 + 4),
      saved: 2 * (6 + 4) + 4 * 3 + 3,
      trainable: 2 * 2 * (4 + 6 + 6 + 4) + 2 * (6 + 4) + 4 * 3 + 3,
      targets: 4,
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  test('shared ones are one tensor; frozen ones are never trained', async () => {
    const plain = lowRank({ targets: { targets: ['qkv'] } });
    const method: Method = {
      ...plain,
      parameters(target, targets) {
        const { A, B } = plain.parameters(target, targets);
        return { A: { ...A, share: 'all', frozen: true }, B };
      },
    };
    const model = adapt(net());
    const adapter = await model.add('a', method, { key: key(1) });
    expect([...adapter.plan.parameters.keys()]).toEqual(['all.A', 'layers.0.qkv.B', 'layers.1.qkv.B']);
    model.setTrainable(() => true);
    expect([...model.trainable()].map(([path]) => path)).toEqual(['a/layers.0.qkv.B', 'a/layers.1.qkv.B']);
  });

  test('a part of them can be chosen for training', async () => {
    const model = adapt(net());
    await addMoved(model, 'a', lowRank({ targets: all, modulesToSave: ['head'] }));
    await addMoved(model, 'b', lowRank({ targets: { targets: ['head'] } }), false);
    model.setTrainable(path => path.startsWith('a/head') || path.startsWith('b/'));
    expect([...model.trainable()].map(([path]) => path)).toEqual(['a/head.weight', 'a/head.bias']);
    model.use(['b']);
    expect([...model.trainable()].map(([path]) => path)).toEqual(['b/head.A', 'b/head.B']);
  });
});

describe('training', () => {
  test('many steps keep the number of tensors and change nothing of the base', async () => {
    const model = adapt(net(1));
    const base = await saveState(net(1));
    await addMoved(model, 'a', lowRank({ targets: all, r: 1 }));
    const variables = [...model.trainable()].map(([, parameter]) => parameter.value);
    const input = x();
    const loss = (): tf.Scalar => tf.mean(tf.square(tf.sub(model.call(input), 1)));
    const step = (): tf.Scalar => {
      const { value, grads } = valueAndGrads(loss, variables);
      for (const [i, variable] of variables.entries()) {
        const grad = grads[i];
        if (grad) tf.tidy(() => variable.assign(tf.sub(variable, tf.mul(grad, 0.2))));
      }
      tf.dispose(grads.filter(grad => grad !== null));
      return value;
    };
    const first = step();
    const before = tf.memory().numTensors;
    const steps = tf.getBackend() === 'webgpu' ? 100 : 1000; // without a GPU a step takes 70 ms there
    for (let i = 1; i < steps; i++) step().dispose();
    expect(tf.memory().numTensors).toBe(before);
    const last = step();
    expect((await last.data())[0]).toBeLessThan((await first.data())[0] / 2);
    model.enabled = false;
    expect(await saveState(model.base)).toEqual(base);
  });
});

// Files are read on the host, whatever the backend.
describe.runIf(process.env.PEFT_BACKEND === 'cpu')('a damaged folder', () => {
  const factory: MethodFactory = Object.assign(() => lowRank({ targets: all }), { type: 'low-rank' });
  const text = (content: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(content));
  const entry = { name: 'default', type: 'low-rank', config: {}, weight: 1, active: true };

  async function folder(): Promise<FolderFiles> {
    const model = adapt(net());
    await addMoved(model, 'default', lowRank({ targets: all }));
    return writeAdapterFolder(model);
  }

  const index = (content: object): FolderFiles => ({ 'peft.json': text({ format: 3, files: {}, ...content }) });

  test('values of a parameter that the method does not have are refused', async () => {
    const opened = readAdapterFolder(await folder(), 'here', [factory]);
    const values = () => ({ C: new Float32Array(1) });
    const adapters = opened.adapters.map(adapter => ({ ...adapter, read: { ...adapter.read, values } }));
    await expect(attachAdapterFolder(adapt(net()), { ...opened, adapters })).rejects.toThrow(
      expect.objectContaining({
        code: 'bad-config',
        message: expect.stringMatching(/has no parameter "C"; it has A, B/),
      }),
    );
  });

  test.each<[string, FolderFiles, string]>([
    ['no JSON', { 'peft.json': new TextEncoder().encode('{') }, 'bad-file'],
    ['another version', index({ format: 1, adapters: [] }), 'bad-file'],
    ['no list of adapters', index({}), 'bad-file'],
    ['no list of files', index({ adapters: [entry], files: null }), 'bad-file'],
    ['a file outside', index({ adapters: [entry], files: { '../adapter_config.json': '0'.repeat(64) } }), 'bad-file'],
    ['a hash that is none', index({ adapters: [entry], files: { 'adapter_config.json': 3 } }), 'bad-file'],
    ['files without a hash', index({ adapters: [entry] }), 'bad-file'],
    ['an adapter without a name', index({ adapters: [{ ...entry, name: 3 }] }), 'bad-file'],
    ['a null for an adapter', index({ adapters: [null] }), 'bad-file'],
    ['a method unknown here', index({ adapters: [{ ...entry, type: 'x' }] }), 'not-supported'],
    ['an adapter that is not there', index({ adapters: [{ ...entry, name: 'b' }] }), 'missing'],
    ['broken tensors', { 'adapter_model.safetensors': new Uint8Array(20) }, 'bad-file'],
  ])('%s is refused', async (_, files, code) => {
    const broken = { ...(await folder()), ...files };
    expect(() => readAdapterFolder(broken, 'here', [factory])).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining('here') }),
    );
  });
});
