import type { Preprocessing } from '@peft/backbones';
import { type AdapterFolder, check, type Engine, eagerEngine, key, PeftError, writeAdapterFolder } from '@peft/core';
import { type Dataset, datasetHash } from '@peft/data';
import { type BatchSource, batchInputs } from '@peft/train';
import { versions } from '#versions';
import { matchClasses } from './classes.ts';
import { countsOf } from './counts.ts';
import { emitting } from './emitting.ts';
import type { RunEvent } from './events.ts';
import { fit } from './fit.ts';
import type { Insight } from './insight.ts';
import { measure } from './measure.ts';
import {
  checkAgainstAdapter,
  type MethodEntry,
  makeMethod,
  methodEntry,
  methodNameOf,
  methodRegistry,
} from './methods.ts';
import { cardOf, modelFor, modelWithAdapter, type RunBackbone, type RunModel } from './model.ts';
import { type Recipe, type RecipeOptions, resolveRecipe } from './recipe.ts';
import {
  adapterHash,
  comparedOf,
  differencesBetween,
  findingsOf,
  methodsOf,
  plain,
  type RunIdentity,
  type RunRecord,
} from './record.ts';
import { memoryStore, type RunStore } from './store.ts';

/** What a run computes with: what the names in its recipe stand for, opened. */
export interface RunInputs {
  readonly train: Dataset;
  readonly test: Dataset;
  /** It gets a head for the data, and keeps it. */
  readonly backbone: RunBackbone;
  /** The adapter that training starts from, where the recipe has `initAdapter`. */
  readonly adapter?: AdapterFolder;
  /** What runs the steps; unless given, TensorFlow.js does, op by op. */
  readonly engine?: Engine;
}

export interface RunOptions extends RunInputs {
  /** Where checkpoints, the adapter and the record are kept; in memory unless given. */
  readonly store?: RunStore;
  /** Ends the run: the step under way is finished, and a checkpoint saved. */
  readonly signal?: AbortSignal;
  /** Whether to go on from a checkpoint in the store, if there is one; `force`: although the run differs. */
  readonly resume?: boolean | 'force';
  /** Whether a run that the store has the record of is not repeated. */
  readonly keepFinished?: boolean;
  /** The methods that a recipe can name. */
  readonly methods?: Readonly<Record<string, MethodEntry>>;
}

/** The preprocessing that a recipe trains and evaluates with. */
function preprocessingOf({ augment, normalize }: Recipe, own: Preprocessing): Preprocessing {
  const squashed = augment === 'vtab' ? ({ cropMode: 'squash', cropPct: 1, interpolation: 'bicubic' } as const) : {};
  const raw = normalize ? {} : ({ mean: [0, 0, 0], std: [1, 1, 1] } as const);
  return { ...own, ...squashed, ...raw };
}

/** Adds the adapters of a recipe. */
async function* addAdapters(
  recipe: Recipe,
  { model, backbone }: RunModel,
  { methods: registry = methodRegistry }: RunOptions,
): AsyncGenerator<RunEvent, void> {
  const from = key(recipe.seed);
  const { plan } = await model.add(makeMethod(recipe, backbone.model.classifiers, registry), { key: from });
  if (plan.kept.size > 0) {
    yield { type: 'notice', text: `New, so trained and saved along: ${[...plan.kept].join(', ')}` };
  }
  for (const [name, { method, ...choice }] of Object.entries(recipe.stack)) {
    check(method !== undefined, 'bad-argument', () => `recipe: stack["${name}"] names no method.`);
    await model.add(name, makeMethod({ method, ...choice }, [], registry), { key: from });
  }
}

/** The method of the saved adapter that training goes on with, by its name in recipes. */
function continuedMethod({ active }: RunModel['model'], given: RecipeOptions, { source }: AdapterFolder): string {
  const [first, ...others] = active.map(({ method }) => method);
  check(first, 'bad-argument', () => {
    return `${source} has no adapter in use, so that there is nothing to train; set "active" of one in its peft.json.`;
  });
  for (const method of [first, ...others]) checkAgainstAdapter(given, method, source);
  return methodNameOf(first);
}

/** Lays out the adapters of a run, and completes its recipe. */
async function* prepare(given: RecipeOptions, opened: RunModel, options: RunOptions): AsyncGenerator<RunEvent, Recipe> {
  const { adapter, methods: registry } = options;
  if (!adapter) {
    const recipe = resolveRecipe(given, registry);
    yield* addAdapters(recipe, opened, options);
    return recipe;
  }
  const { source, adapters } = adapter;
  const names = adapters.map(({ name, read }) => `${name} (${read.method.type})`).join(', ');
  yield { type: 'notice', text: `Adapters: ${names} from ${source}` };
  const method = continuedMethod(opened.model, given, adapter);
  return resolveRecipe({ ...given, initAdapter: given.initAdapter ?? source, method }, registry);
}

/** Looks into every adapter in use, on the first batch. */
async function inspect(
  { inspect: look }: MethodEntry,
  model: RunModel['model'],
  engine: Engine,
  source: BatchSource,
): Promise<Insight[]> {
  if (!look) return [];
  const insights: Insight[] = [];
  for await (const batch of source.batches(0)) {
    const { images } = batchInputs(batch, source.size);
    for (const adapter of model.active) insights.push(...(await look({ model, adapter, engine, inputs: { images } })));
    break;
  }
  return insights;
}

/** The record that a store has, unless it cannot be read. */
const recordIn = (store: RunStore): Promise<RunRecord | undefined> =>
  store.readRecord().catch(error => {
    if (error instanceof PeftError) return undefined;
    throw error;
  });

/**
 * Trains by a recipe: opens the model, trains, saves the adapter, and only then evaluates it. What can fail without training,
 * such as a folder that cannot be written, fails before the first step.
 *
 * ```ts
 * for await (const event of run({ method: 'lora', epochs: 2 }, { train, test, backbone })) {
 *   if (event.type === 'step') console.log(event.step, event.loss);
 *   if (event.type === 'done') console.log(event.record.result.metrics.accuracy);
 * }
 * ```
 *
 * What is given stays the caller's, to close and dispose of; the adapter is in the store.
 *
 * @returns the record, which `done` has too; nothing if the run was interrupted
 * @throws PeftError that says what is wrong, where, and what to do
 */
export async function* run(
  recipe: RecipeOptions,
  options: RunOptions,
): AsyncGenerator<RunEvent, RunRecord | undefined> {
  const started = performance.now();
  const { store = memoryStore() } = options;
  await store.claim();
  try {
    const record = yield* runClaimed(recipe, options, store, started);
    if (record) yield { type: 'done', record };
    return record;
  } finally {
    await store.release();
  }
}

async function* runClaimed(
  given: RecipeOptions,
  options: RunOptions,
  store: RunStore,
  started: number,
): AsyncGenerator<RunEvent, RunRecord | undefined> {
  const { backbone, adapter, train } = options;
  const { seed } = resolveRecipe(given, options.methods);
  const opened = adapter ? await modelWithAdapter(backbone, adapter) : modelFor(backbone, train, seed);
  try {
    const recipe = yield* prepare(given, opened, options);
    const preprocessing = preprocessingOf(recipe, opened.preprocessing);
    return yield* runOpened(recipe, { ...opened, preprocessing }, options, store, started);
  } finally {
    opened.model.dispose();
  }
}

async function* runOpened(
  recipe: Recipe,
  opened: RunModel,
  options: RunOptions,
  store: RunStore,
  started: number,
): AsyncGenerator<RunEvent, RunRecord | undefined> {
  const { engine = eagerEngine(), signal, resume = false, keepFinished = false } = options;
  const { methods: registry = methodRegistry } = options;
  const notices: string[] = [];
  const classes = { labels: opened.labels, classes: opened.backbone.model.classes };
  const [train, test] = [options.train, options.test].map(dataset =>
    matchClasses(dataset, classes, text => notices.push(text)),
  );
  for (const text of notices) yield { type: 'notice', text };
  const identity = await identityOf(recipe, opened, { train, test, isContinued: options.adapter !== undefined });
  const before = keepFinished || resume ? await recordIn(store) : undefined;
  const isSame = before !== undefined && differencesBetween(before, identity).length === 0;
  if (keepFinished && isSame) {
    yield { type: 'notice', text: `${store.place} holds this run already; it is not repeated.` };
    return before;
  }
  const compared = comparedOf(identity);
  const fitted = yield* fit({ recipe, opened, train, engine, store, identity: compared, resume, signal });
  if (!fitted) return undefined;
  const files = await writeAdapterFolder(opened.model, await cardOf(opened));
  await store.saveAdapter(files);
  const bytes = Object.values(files).reduce((sum, file) => sum + file.length, 0);
  yield { type: 'saved', place: store.place, bytes };
  const { batch } = recipe;
  const metrics = yield* emitting<RunEvent, RunRecord['result']['metrics']>((emit, stop) => {
    const onBatch = (done: number): void => emit({ type: 'evaluating', done, total: test.size });
    return measure(opened, test, { engine, batch, signal: stop, onBatch });
  }, signal);
  yield { type: 'evaluated', metrics };
  const { losses, epochs, resumedDespite, source } = fitted;
  const seconds = (performance.now() - started) / 1000;
  const findings = findingsOf(opened.model);
  const isNew = fitted.stepMs !== undefined || !isSame;
  const { stepMs } = isNew ? fitted : before.result;
  const record: RunRecord = {
    format: 2,
    versions,
    ...identity,
    ...(resumedDespite.length > 0 && { resumedDespite }),
    result: {
      losses,
      epochs,
      ...(stepMs !== undefined && { stepMs }),
      ...countsOf(opened),
      method: recipe.method,
      engine: engine.name,
      metrics,
      ...(findings && { findings }),
      insights: await inspect(methodEntry(recipe.method, registry), opened.model, engine, source),
      seconds: isNew ? seconds : before.result.seconds,
      adapter: store.place,
      bytes,
    },
  };
  await store.writeRecord(record);
  return record;
}

interface Compared {
  readonly train: Dataset;
  readonly test: Dataset;
  /** Whether the run starts from a saved adapter. */
  readonly isContinued: boolean;
}

async function identityOf(
  recipe: Recipe,
  { model, backbone, preprocessing, labels }: RunModel,
  { train, test, isContinued }: Compared,
): Promise<RunIdentity> {
  return {
    recipe: plain(recipe) as unknown as Recipe,
    backbone: { name: backbone.name, weights: (await backbone.weightsHash()) ?? null },
    data: { train: await datasetHash(train), test: await datasetHash(test) },
    preprocessing: plain(preprocessing),
    classes: labels ?? null,
    methods: methodsOf(model),
    ...(isContinued && { initAdapter: await adapterHash(model) }),
  };
}
