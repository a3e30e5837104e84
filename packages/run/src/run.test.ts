import { adapt, type FolderFiles, readAdapterFolder } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { collect, shades, tinyBackbone, tinyInputs } from '../test/tiny.ts';
import {
  factories,
  type MemoryStore,
  memoryStore,
  modelWithAdapter,
  parseRecord,
  type RecipeOptions,
  type RunEvent,
  type RunOptions,
  type RunRecord,
  run,
} from './index.ts';

const recipe: RecipeOptions = { backbone: 'tiny', data: 'shades', set: { r: 2 }, steps: 8, batch: 4, lr: 0.02 };

const train = (changes: RecipeOptions = {}, options: Partial<RunOptions> = {}) =>
  collect(run({ ...recipe, ...changes }, { ...tinyInputs(), ...options }));

/** The record of a run that ends. */
async function recordOf(changes: RecipeOptions = {}, options: Partial<RunOptions> = {}): Promise<RunRecord> {
  const { record } = await train(changes, options);
  if (!record) throw new Error('The run has no record.');
  return record;
}

const adapterOf = ({ adapter }: MemoryStore): FolderFiles => {
  if (!adapter) throw new Error('The store has no adapter.');
  return adapter;
};

/** A run that is interrupted after a step. */
async function interrupted(
  step: number,
  changes: RecipeOptions = {},
): Promise<{ store: MemoryStore; events: RunEvent[] }> {
  const [store, abort] = [memoryStore(), new AbortController()];
  const options = { ...tinyInputs(), store, signal: abort.signal };
  const { events } = await collect(run({ ...recipe, ...changes }, options), event => {
    if (event.type === 'step' && event.step === step) abort.abort();
  });
  return { store, events };
}

describe('a run that is measured on what it has seen', () => {
  const noticesOf = async (changes: RecipeOptions, options: Partial<RunOptions>): Promise<string[]> => {
    const { events } = await train(changes, options);
    return events.flatMap(event => (event.type === 'notice' ? [event.text] : []));
  };
  const seen = { ...shades(12), name: 'seen' };

  test('says how many pictures were trained on', async () => {
    expect(await noticesOf({}, { test: seen })).toEqual([
      'Accuracy is measured on seen: 12 of its 12 pictures are also in shades, which is trained on, so that it looks better than it is.',
    ]);
  });

  test('says how many pictures chose the epoch', async () => {
    const options = { watch: { validation: shades(6, 'other shades') } };
    expect(await noticesOf({ keepBest: true }, options)).toEqual([
      expect.stringContaining(
        '6 of its 6 pictures are also in other shades, which is what the best epoch is chosen by',
      ),
    ]);
    expect(await noticesOf({}, options)).toEqual([]);
  });

  test('says nothing of pictures whose files only begin alike', async () => {
    const { digest } = shades(12);
    expect(await noticesOf({}, { test: { ...shades(6, 'brighter'), digest, picture: async () => black } })).toEqual([]);
  });
});

const black = { data: new Uint8Array(16 * 16 * 3), width: 16, height: 16 };

describe('a run that keeps its best epoch', () => {
  /** Pictures with the wrong labels, of which a model that learns gets fewer right. */
  const wrong = { ...shades(4, 'mislabeled shades'), labels: () => Int32Array.from([1, 0, 1, 0]) };
  const watch = { validation: wrong };
  const keeping: RecipeOptions = { keepBest: true, steps: 15, schedule: 'constant', checkpointEvery: 1 };

  test('saves and evaluates the adapter of that epoch', async () => {
    const store = memoryStore();
    const { events, record } = await train(keeping, { watch, store });
    const looks = events.flatMap(event => (event.type === 'watched' && event.metrics ? [event] : []));
    const best = looks.toSorted(
      (a, b) =>
        (b.metrics?.accuracy ?? 0) - (a.metrics?.accuracy ?? 0) || (a.metrics?.loss ?? 0) - (b.metrics?.loss ?? 0),
    )[0];
    expect(best?.step).toBeLessThan(15);
    expect(record?.result.best).toMatchObject({ step: best?.step, accuracy: best?.metrics?.accuracy });
    const shorter = memoryStore();
    await train({ ...keeping, keepBest: false, steps: best?.step }, { store: shorter });
    expect(adapterOf(store)['adapter_model.safetensors']).toEqual(adapterOf(shorter)['adapter_model.safetensors']);
  });

  test('is the same when it was interrupted after it', async () => {
    const [whole, store, abort] = [memoryStore(), memoryStore(), new AbortController()];
    await train(keeping, { watch, store: whole });
    await collect(run({ ...recipe, ...keeping }, { ...tinyInputs(), watch, store, signal: abort.signal }), event => {
      if (event.type === 'step' && event.step === 13) abort.abort();
    });
    await train(keeping, { watch, store, resume: true });
    expect(adapterOf(store)).toEqual(adapterOf(whole));
  });

  test('needs validation pictures, and does not go on with others', async () => {
    await expect(train(keeping)).rejects.toThrow('keepBest needs pictures to choose by');
    const { store } = await interrupted(6);
    await expect(train({ keepBest: true }, { watch, store, resume: true })).rejects.toThrow(
      'validation: not set in the checkpoint',
    );
  });
});

test('the heads that HEAT turns off have the smallest totals of its drawing', async () => {
  const { result } = await recordOf({ method: 'heat', set: { r: 2 } });
  const [heads] = result.insights;
  if (heads?.kind !== 'grid' || !heads.totals) throw new Error('There is no drawing of heads with totals.');
  const { values } = heads.totals;
  for (const { off = [] } of heads.rows) {
    expect(off.length).toBeGreaterThan(0);
    const kept = values.filter((_, head) => !off.includes(head));
    for (const head of off) expect(values[head]).toBeLessThanOrEqual(Math.min(...kept));
  }
});

describe('a run that pauses', () => {
  test.each([[{ steps: 3 }], [{ epochs: 1 }]])(
    'at %o is evaluated there, and goes on to the numbers of one that did not',
    async until => {
      const store = memoryStore();
      const { events } = await train({}, { store, until });
      expect(events.at(-1)).toMatchObject({ type: 'paused', step: 3, metrics: { n: 6 } });
      const again = await train({}, { store, until, resume: true });
      expect(again.events.filter(({ type }) => type === 'step')).toEqual([]);
      expect(again.events.at(-1)).toEqual(events.at(-1));
      const [record, whole] = [await recordOf({}, { store, resume: true }), await recordOf()];
      expect(record.result.losses).toEqual(whole.result.losses);
      expect(record.result.metrics).toEqual(whole.result.metrics);
    },
  );

  test('is refused behind the place where it is to pause, and does not pause at its end', async () => {
    const store = memoryStore();
    await train({}, { store, until: { steps: 3 } });
    await expect(train({}, { store, until: { steps: 2 }, resume: true })).rejects.toMatchObject({ code: 'state' });
    expect((await recordOf({}, { until: { steps: 8 } })).result.losses).toHaveLength(8);
  });
});

describe('a run that is watched', () => {
  const watch = { validation: shades(4, 'further shades'), insights: true };

  test('tells accuracy and what happens inside after each epoch', async () => {
    const { events } = await train({}, { watch });
    const watched = events.flatMap(event => (event.type === 'watched' ? [event] : []));
    expect(watched.map(({ epoch, step }) => [epoch, step])).toEqual([
      [0, 3],
      [1, 6],
      [2, 8],
    ]);
    expect(watched.at(-1)?.metrics).toMatchObject({ n: 4, accuracy: 1 });
    const [[first], last] = [watched[0]?.insights ?? [], watched.at(-1)?.insights[0]];
    expect(last).toMatchObject({ kind: 'bars', title: 'How far the weights moved' });
    expect(last).not.toEqual(first);
  });

  test('is looked at every so many epochs, and after a resume from the end of an epoch', async () => {
    const epochs = ({ events }: { events: RunEvent[] }): number[] =>
      events.flatMap(event => (event.type === 'watched' ? [event.epoch] : []));
    expect(epochs(await train({}, { watch: { ...watch, every: 2 } }))).toEqual([1]);
    const { store } = await interrupted(6); // at the end of the second epoch, before its look
    expect(epochs(await train({}, { watch, store, resume: true }))).toEqual([1, 2]);
  });

  test('on the test pictures does not measure them twice after the last step', async () => {
    const inputs = tinyInputs();
    const watched = await train({}, { watch: { validation: inputs.test }, test: inputs.test });
    const unwatched = await train({}, { test: inputs.test });
    expect(watched.events.filter(({ type }) => type === 'evaluating')).toEqual([]);
    expect(watched.events.filter(({ type }) => type === 'evaluated')).toHaveLength(1);
    expect(watched.record?.result.metrics).toEqual(unwatched.record?.result.metrics);
  });

  test('counts what is trained with the head and without it', async () => {
    const counts = async (method: string) => (await recordOf({ method, set: {}, steps: 1 })).result;
    const [linear, full, lora] = [await counts('linear'), await counts('full'), await counts('lora')];
    const head = linear.trainable;
    expect(linear.adapterTrainable).toBe(0);
    expect([full.trainable, full.adapterTrainable]).toEqual([full.total, full.total - head]);
    expect(lora.trainable).toBe(head + (lora.adapterTrainable ?? 0));
    expect(lora.adapterTrainable).toBeGreaterThan(0);
  });

  test('has the numbers of one that is not, and looks into each method of a stack', async () => {
    const changes: RecipeOptions = { stack: { experts: { method: 'lily', set: {}, targets: ['mlp.fc1'] } } };
    const [seen, unseen] = [await train(changes, { watch }), await recordOf(changes)];
    expect(seen.record?.result.losses).toEqual(unseen.result.losses);
    expect(seen.record?.result.metrics).toEqual(unseen.result.metrics);
    expect(unseen.result.insights).toMatchObject([
      { kind: 'bars', adapter: { name: 'default', method: 'lora' } },
      { kind: 'grid', adapter: { name: 'experts', method: 'lily' } },
    ]);
  });
});

describe('a run', () => {
  test('tells what it does in order, and learns', async () => {
    const { events, record } = await train({ checkpointEvery: 4 });
    const kinds = events.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
    expect(kinds).toEqual([
      ...['started', 'step', 'epoch', 'step', 'checkpoint', 'step', 'epoch', 'step', 'checkpoint', 'epoch'],
      ...['saved', 'evaluating', 'evaluated', 'done'],
    ]);
    expect(events.filter(({ type }) => type === 'step')).toHaveLength(8);
    expect(record?.result.losses.at(-1)).toBeLessThan(record?.result.losses[0] ?? 0);
    expect(record?.result.metrics).toMatchObject({ n: 6, accuracy: 1 });
    expect(events.at(-1)).toEqual({ type: 'done', record });
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
  });

  test('leaves a record that survives JSON and repeats it', async () => {
    const store = memoryStore();
    const record = await recordOf({}, { store });
    const read = parseRecord(JSON.stringify(record), 'run.json');
    expect(read).toEqual(record);
    expect(read.versions).toHaveProperty('@peft/core');
    expect(read).toMatchObject({
      recipe: { method: 'lora', lr: 0.02, weightDecay: 1e-4, seed: 42 },
      backbone: { name: 'tiny', weights: 'tiny' },
      classes: ['dark', 'bright'],
      methods: { default: { type: 'lora', config: { r: 2, targets: ['attn.qkv[q,v]'], modulesToSave: ['head'] } } },
    });
    const again = memoryStore();
    const repeated = await recordOf(read.recipe, { store: again });
    expect(repeated.recipe).toEqual(record.recipe);
    expect(repeated.result.losses).toEqual(record.result.losses);
    expect(repeated.result.epochs).toEqual(record.result.epochs);
    expect(adapterOf(again)).toEqual(adapterOf(store));
  });

  test.each<[string, (record: RunRecord) => object, string]>([
    ['no result', ({ result: _, ...rest }) => rest, 'run.json: result is missing'],
    ['no accuracy', ({ result, ...rest }) => ({ ...rest, result: { ...result, metrics: {} } }), 'accuracy is missing'],
    [
      'a wrong recipe',
      record => ({ ...record, recipe: { ...record.recipe, batch: 0 } }),
      'recipe: batch is 0; it must be',
    ],
    ['no data', record => ({ ...record, data: {} }), 'run.json: data: train is missing'],
    ['a later format', record => ({ ...record, format: 3 }), 'run.json has format 3; this version reads 2.'],
  ])('whose record has %s is not read', async (_, change, message) => {
    const record = await recordOf({ steps: 1 });
    expect(() => parseRecord(JSON.stringify(change(record)), 'run.json')).toThrow(message);
  });

  test('leaves an adapter that gives the accuracy again', async () => {
    const store = memoryStore();
    const { train: pictures } = tinyInputs();
    await recordOf({}, { store });
    const folder = readAdapterFolder(adapterOf(store), 'memory', factories);
    const { model, labels } = await modelWithAdapter(tinyBackbone(), folder);
    expect(labels).toEqual(pictures.classes);
    const logits = tf.tidy(() => model.call(tf.zeros([1, 16, 16, 3])));
    expect(logits.shape).toEqual([1, 2]);
    logits.dispose();
  });

  test('leaves nothing of its own in memory, and a backbone for the next run', async () => {
    const inputs = tinyInputs();
    const { record: first } = await collect(run(recipe, inputs));
    const before = tf.memory().numTensors;
    const { record: second } = await collect(run(recipe, inputs));
    expect(tf.memory().numTensors).toBe(before);
    expect(second?.result.losses).toEqual(first?.result.losses);
    expect([...adapt(inputs.backbone.model).adapters]).toEqual([]);
  });

  test('trains several adapters at once', async () => {
    const { methods, result } = await recordOf({
      stack: {
        blocks: { method: 'adaptformer', set: { r: 2 } },
        late: { method: 'neat', targets: ['blocks.2.attn.proj'] },
      },
    });
    expect(Object.keys(methods)).toEqual(['default', 'blocks', 'late']);
    const { result: alone } = await recordOf();
    expect(result.trainable).toBeGreaterThan(alone.trainable);
  });

  test('shows what a method found', async () => {
    const { result } = await recordOf({ method: 'heat', set: { ratio: 0.5, r: 2 } });
    expect(result.insights).toMatchObject([{ kind: 'grid', columns: 'head' }]);
    expect(Object.keys(result.findings?.default ?? {})).toContain('off');
  });

  test('computes features once where that is asked for, to the same losses', async () => {
    const changes = { targets: ['blocks.2.attn.qkv'] };
    const { events, record } = await train({ ...changes, cacheFeatures: 1 });
    expect(events.filter(({ type }) => type === 'caching').at(-1)).toMatchObject({
      done: 12,
      total: 12,
      enters: 'blocks.2',
    });
    const { result } = await recordOf(changes);
    for (const [i, loss] of result.losses.entries()) expect(record?.result.losses[i]).toBeCloseTo(loss, 5);
  });

  test('starts from a saved adapter, and refuses a recipe that contradicts it', async () => {
    const store = memoryStore();
    await recordOf({}, { store });
    const adapter = readAdapterFolder(adapterOf(store), 'first', factories);
    const { set, ...rest } = recipe;
    const { record } = await collect(run(rest, { ...tinyInputs(), adapter }));
    expect(record).toMatchObject({ recipe: { initAdapter: 'first', method: 'lora' }, initAdapter: expect.any(String) });
    expect(record?.result.losses[0]).toBeLessThan(0.5);
    await expect(train({ set: { r: 3 } }, { adapter })).rejects.toThrow(
      'first contradicts the arguments: r is 2 there, not 3.',
    );
    const asleep = { ...adapter, adapters: adapter.adapters.map(entry => ({ ...entry, active: false })) };
    await expect(train({}, { adapter: asleep })).rejects.toThrow('first has no adapter in use');
  });
});

describe('a run that is interrupted', () => {
  test('ends with the step under way and a checkpoint, and has no record', async () => {
    const { store, events } = await interrupted(3);
    expect(events.slice(-2)).toMatchObject([
      { type: 'step', step: 3 },
      { type: 'interrupted', step: 3, place: 'memory' },
    ]);
    expect(store.adapter).toBeUndefined();
    expect(await store.readRecord()).toBeUndefined();
  });

  test.each(['lora', 'heat', 'pear'])('goes on bit by bit, with the whole curve: %s', async method => {
    const changes = { method, set: { r: 2, ...(method === 'heat' && { ratio: 0.5 }) } };
    const whole = memoryStore();
    const { result } = await recordOf(changes, { store: whole });
    const { store } = await interrupted(5, changes);
    const resumed = await recordOf(changes, { store, resume: true });
    expect(resumed.result.losses).toEqual(result.losses);
    expect(resumed.result.epochs).toEqual(result.epochs);
    expect(adapterOf(store)).toEqual(adapterOf(whole));
  });

  test('goes on only as the run that it was: each difference is named once', async () => {
    const { store } = await interrupted(5);
    const other = train({ lr: 0.01, steps: 9 }, { store, resume: true, train: shades(14) });
    const message = await other.catch((error: Error) => error.message);
    expect(
      String(message)
        .split('\n')
        .slice(1, -1)
        .map(line => line.trim()),
    ).toEqual([
      expect.stringMatching(/^data: /),
      'steps: 8 in the checkpoint, 9 now',
      'lr: 0.02 in the checkpoint, 0.01 now',
    ]);
  });

  test('tells forever in what it was forced to differ', async () => {
    const { store } = await interrupted(5);
    const { resumedDespite } = await recordOf({ lr: 0.01 }, { store, resume: 'force' });
    expect(resumedDespite).toEqual(['lr: 0.02 in the checkpoint, 0.01 now']);
    const forced = await interruptedFrom(store);
    const plain = await recordOf({ lr: 0.01 }, { store: forced, resume: true });
    expect(plain.resumedDespite).toEqual(resumedDespite);
  });

  test('changes what is no matter of numbers', async () => {
    const { store } = await interrupted(5);
    const { result } = await recordOf(
      { checkpointing: true, checkpointEvery: 1, data: 'elsewhere' },
      { store, resume: true },
    );
    expect(result.losses).toHaveLength(8);
  });
});

/** A forced run that is interrupted in its turn. */
async function interruptedFrom(_: MemoryStore): Promise<MemoryStore> {
  const { store } = await interrupted(3);
  const abort = new AbortController();
  const options = { ...tinyInputs(), store, signal: abort.signal, resume: 'force' } as const;
  await collect(run({ ...recipe, lr: 0.01 }, options), event => {
    if (event.type === 'step') abort.abort();
  });
  return store;
}

describe('a run that has ended', () => {
  test('is not repeated where its record is kept', async () => {
    const store = memoryStore();
    const record = await recordOf({}, { store });
    const { events, record: kept } = await train({}, { store, keepFinished: true });
    expect(events).toMatchObject([{ type: 'notice' }, { type: 'done' }]);
    expect(kept).toEqual(record);
    const other = await train({ lr: 0.01 }, { store, keepFinished: true });
    expect(other.events.length).toBeGreaterThan(8);
  });

  test('is repeated where its record cannot be read, which is told', async () => {
    const unreadable: RunOptions['store'] = {
      ...memoryStore(),
      readRecord: async () => parseRecord('{"format":1}', 'run.json'),
    };
    const { events } = await train({}, { store: unreadable, keepFinished: true });
    expect(events[0]).toEqual({ type: 'notice', text: 'Passed over: run.json has format 1; this version reads 2.' });
    expect(events.at(-1)?.type).toBe('done');
  });

  test('that goes on has nothing to do, and keeps how it went', async () => {
    const store = memoryStore();
    const record = await recordOf({ checkpointEvery: 4 }, { store });
    const again = await recordOf({ checkpointEvery: 4 }, { store, resume: true });
    expect(again).toEqual(record);
  });
});

describe('what goes wrong', () => {
  test.each<[string, object, string]>([
    ['a field that there is not', { epoch: 3 }, 'recipe has no option "epoch"; closest: epochs.'],
    ['a wrong type', { epochs: '3' }, 'recipe: epochs is "3"; it must be an integer of 1 or more.'],
    [
      'a seed that is no longer exact',
      { seed: 2 ** 60 },
      'seed is 1152921504606847000; it must be an integer from 0 to 9,007,199,254,740,991.',
    ],
    ['a method that there is not', { method: 'lroa' }, 'There is no method "lroa"; closest: lora.'],
    ['an option of another method', { set: { pairs: 1 } }, 'lora has no option "pairs"'],
    ['a wrong preset', { preset: 'vtab' }, 'preset is "vtab"; it must be one of vtab1k, few-shot, neat-image.'],
    ['a further adapter without a method', { stack: { b: {} } }, 'stack["b"] names no method.'],
  ])('%s is named', async (_, changes, message) => {
    const inputs = tinyInputs();
    await expect(collect(run({ ...recipe, ...changes }, inputs))).rejects.toThrow(message);
  });

  test('lets go of the store', async () => {
    const store = memoryStore();
    let claims = 0;
    const watched = {
      ...store,
      claim: async () => void claims++,
      release: async () => void claims--,
    };
    await expect(train({ lr: 1e30 }, { store: watched })).rejects.toMatchObject({ code: 'numerics' });
    expect(claims).toBe(0);
    for await (const event of run(recipe, { ...tinyInputs(), store: watched })) if (event.type === 'evaluating') break;
    expect(claims).toBe(0);
  });
});
