import { isDeepStrictEqual } from 'node:util';
import { countParameters, disposeModule, type Engine, key, PeftError } from '@peft/core';
import { lockFolder, saveAdapters } from '@peft/core/node';
import { type Dataset, datasetHash } from '@peft/data';
import { type BatchSource, batchInputs, type Metrics } from '@peft/train';
import type { Arguments } from '../arguments.ts';
import { checkAgainstAdapter, makeMethod, methodEntry, methodNameOf } from '../methods.ts';
import type { Insight } from '../output/insight.ts';
import type { Output } from '../output/output.ts';
import { type Recipe, recipeOf } from '../presets.ts';
import { RunCheckpoints } from './checkpoints.ts';
import { matchClasses } from './classes.ts';
import { openEngine } from './engine.ts';
import { fit } from './fit.ts';
import { type MeasureOptions, measure } from './measure.ts';
import { cardOf, type OpenedModel, openForTraining, openWithAdapter } from './model.ts';
import { identityOf, type RunResult, readRecord, writeRecord } from './record.ts';

export interface RunData {
  readonly train: Dataset;
  readonly test: Dataset;
}

export interface RunOptions {
  /** Where the adapter, its record and its checkpoints go. */
  folder: string;
  signal: AbortSignal;
  /** Whether a run that has ended already, by its record, is not repeated. */
  keepFinished?: boolean;
}

type RunArguments = Arguments & { method?: string };

/** The preprocessing that a recipe trains and evaluates with. */
function preprocessingOf({ augment, normalize }: Recipe, { preprocessing }: OpenedModel): OpenedModel['preprocessing'] {
  const squashed = augment === 'vtab' ? ({ cropMode: 'squash', cropPct: 1, interpolation: 'bicubic' } as const) : {};
  const raw = normalize ? {} : ({ mean: [0, 0, 0], std: [1, 1, 1] } as const);
  return { ...preprocessing, ...squashed, ...raw };
}

/** The model that a run trains: a backbone with a head for the data and a new adapter, or the adapter that it starts from. */
async function openStart(args: RunArguments, train: Dataset, output: Output): Promise<[OpenedModel, method: string]> {
  const { initAdapter, method = 'lora', seed } = args;
  if (initAdapter !== undefined) {
    const opened = await openWithAdapter(args, initAdapter, output, train);
    const methods = opened.model.active.map(adapter => adapter.method);
    for (const adapted of methods) checkAgainstAdapter(args, adapted, initAdapter);
    return [opened, methodNameOf(methods[0])];
  }
  const opened = await openForTraining(args, train, output);
  const { method: options } = recipeOf(args, 0);
  const adapter = makeMethod({ ...args, method, recipe: options }, [...opened.backbone.model.classifiers]);
  const { plan } = await opened.model.add('default', adapter, { key: key(seed) });
  if (plan.kept.size > 0) output.note(`New, so trained and saved along: ${[...plan.kept].join(', ')}`);
  return [opened, method];
}

/** Evaluates a model whose adapter is saved. An error says where. */
async function evaluateSaved(
  opened: OpenedModel,
  test: Dataset,
  folder: string,
  options: MeasureOptions,
  output: Output,
): Promise<Metrics> {
  try {
    return await measure(opened, test, options, output);
  } catch (cause) {
    const code = cause instanceof PeftError ? cause.code : 'state';
    const advice = `The adapter is trained and saved in ${folder}; evaluate it with peft eval --adapter ${folder}.`;
    throw new PeftError(code, `${cause instanceof Error ? cause.message : cause} ${advice}`, { cause });
  }
}

/** Parameters that are trained, and all of the adapted model. */
function countsOf({ model, backbone }: OpenedModel): Pick<RunResult, 'trainable' | 'total'> {
  const plans = [...model.adapters.values()].map(({ plan }) => plan);
  const { trainable, base, adapter } = countParameters(backbone.model, plans);
  return { trainable, total: base + adapter };
}

/** Looks into every adapter in use, on the first batch. */
async function inspect(
  method: string,
  model: OpenedModel['model'],
  engine: Engine,
  source: BatchSource,
): Promise<Insight[]> {
  const look = methodEntry(method).inspect;
  if (!look) return [];
  const insights: Insight[] = [];
  for await (const batch of source.batches(0)) {
    const { images } = batchInputs(batch, source.size);
    for (const adapter of model.active) insights.push(...(await look({ model, adapter, engine, inputs: { images } })));
    break;
  }
  return insights;
}

/**
 * One training run from its arguments to its record: opens the model, trains, saves the adapter, and only then evaluates it.
 * What can fail without training, such as a folder that cannot be written, fails before the first step.
 */
export async function runTraining(
  args: RunArguments,
  data: RunData,
  { folder, signal, keepFinished = false }: RunOptions,
  output: Output,
): Promise<RunResult> {
  const started = performance.now();
  const lock = await lockFolder(folder);
  const engine = await openEngine(args, output);
  try {
    const [start, method] = await openStart(args, data.train, output);
    try {
      const recipe = recipeOf(args, methodEntry(method).lr);
      const opened = { ...start, preprocessing: preprocessingOf(recipe, start) };
      const classes = { labels: opened.labels, classes: opened.backbone.model.classes };
      const [train, test] = [data.train, data.test].map(dataset => matchClasses(dataset, classes, output));
      const identity = await identityOf(recipe, { opened, train, isContinued: args.initAdapter !== undefined });
      const evaluatedOn = await datasetHash(test);
      const finished = keepFinished ? await readRecord(folder) : undefined;
      const isFinished = finished?.evaluatedOn === evaluatedOn && isDeepStrictEqual(finished.recipe, identity);
      if (finished && isFinished) {
        output.note(`${folder} holds this run already; it is not repeated.`);
        return finished.result;
      }
      const checkpoints = new RunCheckpoints(folder, identity);
      const fitted = { args, method, recipe, opened, train, engine, checkpoints, signal };
      const { source, ...curves } = await fit(fitted, output);
      const bytes = await saveAdapters(opened.model, folder, await cardOf(opened));
      const metrics = await evaluateSaved(opened, test, folder, { engine, batch: recipe.batch, signal }, output);
      const result: RunResult = {
        ...curves,
        ...countsOf(opened),
        method,
        engine: engine.name,
        metrics,
        insights: await inspect(method, opened.model, engine, source),
        seconds: (performance.now() - started) / 1000,
        adapter: folder,
        bytes,
      };
      await writeRecord(folder, {
        format: 1,
        recipe: identity,
        evaluatedOn,
        resumedDespite: checkpoints.differences,
        result,
      });
      return result;
    } finally {
      start.model.dispose();
      disposeModule(start.backbone.model);
    }
  } finally {
    await engine.dispose();
    await lock.release();
  }
}
