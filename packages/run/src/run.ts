import { check, eagerEngine, isQuantizedDtype, PeftError, writeAdapterFolder } from '@peft/core';
import { countShared, type Dataset, type IdentifiedDataset, identify } from '@peft/data';
import { type Metrics, plain } from '@peft/train';
import { matchClasses } from './classes.ts';
import { countsOf } from './counts.ts';
import { emitting } from './emitting.ts';
import type { RunEvent } from './events.ts';
import { type Fitted, fit } from './fit.ts';
import { layOut, preprocessingOf } from './lay-out.ts';
import { lookInside } from './look-inside.ts';
import { measure } from './measure.ts';
import { methodRegistry } from './methods.ts';
import { cardOf, modelFor, modelWithAdapter, type RunBackbone, type RunModel } from './model.ts';
import type { RunOptions, Session } from './options.ts';
import { type Recipe, type RecipeOptions, resolveRecipe } from './recipe.ts';
import {
  adapterHash,
  comparedOf,
  differencesBetween,
  findingsOf,
  methodsOf,
  type RunIdentity,
  type RunRecord,
  type RunResult,
} from './record.ts';
import { memoryStore } from './store.ts';
import { installedVersions } from './versions.ts';
import { Watcher } from './watch.ts';

/**
 * Trains by a recipe: opens the model, trains, saves the adapter, then evaluates it. A store that cannot be written, and other
 * errors that need no training, show before the first step.
 *
 * ```ts
 * for await (const event of run({ method: 'lora', epochs: 2 }, { train, test, backbone })) {
 *   if (event.type === 'step') console.log(event.step, event.loss);
 *   if (event.type === 'done') console.log(event.record.result.metrics.accuracy);
 * }
 * ```
 *
 * The caller closes and disposes of the inputs. The adapter is in the store.
 *
 * @returns the record, which the event `done` has too; undefined if the run was interrupted, or paused
 * @throws PeftError that says what is wrong, where, and what to do
 */
export async function* run(
  recipe: RecipeOptions,
  options: RunOptions,
): AsyncGenerator<RunEvent, RunRecord | undefined> {
  const { engine = eagerEngine(), store = memoryStore(), methods = methodRegistry } = options;
  const session = { ...options, engine, store, methods, started: performance.now() };
  await store.claim();
  try {
    const record = yield* runClaimed(recipe, session);
    if (record) yield { type: 'done', record };
    return record;
  } finally {
    await store.release();
  }
}

async function* runClaimed(given: RecipeOptions, session: Session): AsyncGenerator<RunEvent, RunRecord | undefined> {
  const { backbone, adapter, train, methods } = session;
  const { seed, frozenDtype } = resolveRecipe(given, methods);
  checkKept(frozenDtype, backbone);
  const opened = adapter ? await modelWithAdapter(backbone, adapter) : modelFor(backbone, train, seed);
  try {
    const recipe = yield* layOut(given, opened, session);
    const preprocessing = preprocessingOf(recipe, opened.preprocessing);
    return yield* runOpened(recipe, { ...opened, preprocessing }, session);
  } finally {
    opened.model.dispose();
  }
}

/** Refuses a recipe whose numbers would not be those of this backbone. */
function checkKept(asked: Recipe['frozenDtype'], { name, frozenDtype: kept }: RunBackbone): void {
  const wanted = isQuantizedDtype(asked) ? asked : undefined;
  check(wanted === kept, 'bad-argument', () => {
    const found = `recipe.frozenDtype is ${asked}, but the linear weights of ${name} are kept in ${kept ?? 'float32'}`;
    return `${found}: open the backbone with frozenDtype: ${wanted ? `'${wanted}'` : 'undefined'}, or change the recipe.`;
  });
}

async function* runOpened(
  recipe: Recipe,
  opened: RunModel,
  session: Session,
): AsyncGenerator<RunEvent, RunRecord | undefined> {
  const { store, engine, signal, until, resume = false, keepFinished = false } = session;
  const { train, test, watch } = yield* labeled(opened, session);
  check(!recipe.keepBest || watch?.validation, 'bad-argument', () => {
    return 'keepBest needs pictures to choose by: name their split as valSplit, or give run() watch.validation.';
  });
  const data = await identifyAll(recipe, { train, test, watch });
  yield* overlaps(data);
  const identity = await identityOf(recipe, opened, { ...session, data });
  const before = keepFinished || resume ? yield* sameRunIn(session, identity) : undefined;
  if (keepFinished && before) {
    yield { type: 'notice', text: `${store.place} holds this run already; it is not repeated.` };
    return before;
  }
  const compared = comparedOf(identity);
  const watcher = watch && new Watcher({ ...session, watch, opened, batch: recipe.batch });
  const fitted = yield* fit({
    recipe,
    opened,
    train,
    engine,
    store,
    identity: compared,
    resume,
    signal,
    until,
    watcher,
  });
  if (!fitted) return undefined;
  if ('pausedAt' in fitted) {
    const { pausedAt: step, place } = fitted;
    yield { type: 'paused', step, place, metrics: yield* evaluateOn(test, recipe, opened, session) };
    return undefined;
  }
  const bytes = yield* save(opened, session);
  const isTestWatched = session.watch?.validation === session.test && !recipe.keepBest;
  const watched = isTestWatched ? watcher?.metricsAfter(fitted.losses.length) : undefined;
  if (watched) yield { type: 'evaluated', metrics: watched };
  const metrics = watched ?? (yield* evaluateOn(test, recipe, opened, session));
  const { resumedDespite } = fitted;
  const result = await resultOf({ recipe, opened, fitted, metrics, bytes }, session);
  const record: RunRecord = {
    format: 2,
    versions: installedVersions(),
    ...identity,
    ...(resumedDespite.length > 0 && { resumedDespite }),
    result: fitted.stepMs === undefined && before ? { ...result, ...timesOf(before.result) } : result,
  };
  await store.writeRecord(record);
  return record;
}

type Split = Pick<RunOptions, 'train' | 'test' | 'watch'>;

/** The datasets with the labels of the model. */
async function* labeled(
  { labels, backbone }: RunModel,
  { train, test, watch }: Session,
): AsyncGenerator<RunEvent, Split> {
  const notices: string[] = [];
  const classes = { labels, classes: backbone.model.classes };
  const match = (dataset: Dataset): Dataset => matchClasses(dataset, classes, text => notices.push(text));
  const matched = {
    train: match(train),
    test: match(test),
    ...(watch && { watch: { ...watch, ...(watch.validation && { validation: match(watch.validation) }) } }),
  };
  for (const text of notices) yield { type: 'notice', text };
  return matched;
}

interface IdentifiedData {
  readonly train: IdentifiedDataset;
  readonly test: IdentifiedDataset;
  /** What the best epoch is chosen by. */
  readonly validation?: IdentifiedDataset;
}

async function identifyAll({ keepBest }: Recipe, { train, test, watch }: Split): Promise<IdentifiedData> {
  const validation = keepBest && watch?.validation && (await identify(watch.validation));
  return { train: await identify(train), test: await identify(test), ...(validation && { validation }) };
}

/** Pictures in common are counted up to here. */
const mostShared = 100;

/** Says where accuracy is measured on pictures that were trained on, or chosen by. */
async function* overlaps({ train, test, validation }: IdentifiedData): AsyncGenerator<RunEvent> {
  const { name, size } = test.dataset;
  for (const used of validation ? [train, validation] : [train]) {
    const count = await countShared(test, used, mostShared);
    if (count === 0) continue;
    const many = count === mostShared ? `${count} or more` : count;
    const use = used === train ? 'trained on' : 'what the best epoch is chosen by';
    const text = `Accuracy is measured on ${name}: ${many} of its ${size} pictures are also in ${used.dataset.name}, which is ${use}, so that it looks better than it is.`;
    yield { type: 'notice', text };
  }
}

async function identityOf(
  recipe: Recipe,
  { model, backbone, preprocessing, labels }: RunModel,
  { data, adapter }: { data: IdentifiedData } & Pick<Session, 'adapter'>,
): Promise<RunIdentity> {
  const { train, test, validation } = data;
  return {
    recipe: plain(recipe) as unknown as Recipe,
    backbone: { name: backbone.name, weights: (await backbone.weightsHash()) ?? null },
    data: {
      train: train.hash,
      test: test.hash,
      ...(validation && { validation: validation.hash }),
    },
    preprocessing: plain(preprocessing),
    classes: labels ?? null,
    methods: methodsOf(model),
    ...(adapter && { initAdapter: await adapterHash(model) }),
  };
}

/** The record of the same run, if the store has a readable one. */
async function* sameRunIn({ store }: Session, now: RunIdentity): AsyncGenerator<RunEvent, RunRecord | undefined> {
  try {
    const record = await store.readRecord();
    return record && differencesBetween(record, now).length === 0 ? record : undefined;
  } catch (error) {
    if (!(error instanceof PeftError)) throw error;
    yield { type: 'notice', text: `Passed over: ${error.message}` };
    return undefined;
  }
}

/** Saves the adapter. Returns its size in bytes. */
async function* save(opened: RunModel, { store }: Session): AsyncGenerator<RunEvent, number> {
  const files = await writeAdapterFolder(opened.model, await cardOf(opened));
  await store.saveAdapter(files);
  const bytes = Object.values(files).reduce((sum, file) => sum + file.length, 0);
  yield { type: 'saved', place: store.place, bytes };
  return bytes;
}

async function* evaluateOn(
  test: Dataset,
  { batch }: Recipe,
  opened: RunModel,
  { engine, signal }: Session,
): AsyncGenerator<RunEvent, Metrics> {
  const metrics = yield* emitting<RunEvent, Metrics>((emit, stop) => {
    const onBatch = (done: number): void => emit({ type: 'evaluating', done, total: test.size });
    return measure(opened, test, { engine, batch, signal: stop, onBatch });
  }, signal);
  yield { type: 'evaluated', metrics };
  return metrics;
}

interface Finished {
  readonly recipe: Recipe;
  readonly opened: RunModel;
  readonly fitted: Fitted;
  readonly metrics: Metrics;
  readonly bytes: number;
}

async function resultOf(
  { recipe, opened, fitted, metrics, bytes }: Finished,
  { engine, store, methods, started }: Session,
): Promise<RunResult> {
  const { losses, epochs, stepMs, best, cachedFrom, source } = fitted;
  const findings = findingsOf(opened.model);
  const insights = await lookInside(opened.model, engine, source, methods);
  return {
    method: recipe.method,
    engine: engine.name,
    losses,
    epochs,
    ...(stepMs !== undefined && { stepMs }),
    ...(cachedFrom !== undefined && { cachedFrom }),
    seconds: (performance.now() - started) / 1000,
    metrics,
    ...(best && { best }),
    ...countsOf(opened),
    ...(findings && { findings }),
    insights,
    adapter: store.place,
    bytes,
  };
}

/** The times of a record, kept when resuming took no step. */
const timesOf = ({ stepMs, seconds }: RunResult): Pick<RunResult, 'stepMs' | 'seconds'> => ({
  ...(stepMs !== undefined && { stepMs }),
  seconds,
});
