import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setDropPath } from '@peft/backbones';
import { countParameters, type Engine, key, type Method, PeftError } from '@peft/core';
import { loadAdapters, saveAdapters, writeAtomic } from '@peft/core/node';
import { batchSource, type Dataset } from '@peft/data';
import { type BatchSource, batchInputs, evaluate, evaluationStep, type Metrics, Trainer } from '@peft/train';
import type { Arguments } from '../arguments.ts';
import { factories, makeMethod, methodEntry } from '../methods.ts';
import type { Insight } from '../output/insight.ts';
import type { Output } from '../output/output.ts';
import { percent } from '../output/table.ts';
import { type Recipe, recipeOf, scheduleOf } from '../presets.ts';
import { median } from '../statistics.ts';
import { featuresOf } from './features.ts';
import { cardOf, type OpenedModel } from './model.ts';

export interface EpochRecord {
  epoch: number;
  meanLoss: number;
  accuracy?: number;
}

/** What came of a training run. */
export interface FitResult {
  method: string;
  trainable: number;
  total: number;
  /** One a step. */
  losses: number[];
  epochs: EpochRecord[];
  metrics: Metrics;
  seconds: number;
  /** Median over the steps, the first left out: it includes recording. */
  stepMs: number;
  /** What the method did inside. */
  insights: Insight[];
  /** Where the adapter was written, and its size. */
  adapter: string;
  bytes: number;
}

export interface FitData {
  train: Dataset;
  test: Dataset;
}

/** The preprocessing that a recipe trains and evaluates with. */
function preprocessingOf({ augment, normalise }: Recipe, { preprocessing }: OpenedModel): OpenedModel['preprocessing'] {
  const squashed = augment === 'vtab' ? ({ cropMode: 'squash', cropPct: 1, interpolation: 'bicubic' } as const) : {};
  const raw = normalise ? {} : ({ mean: [0, 0, 0], std: [1, 1, 1] } as const);
  return { ...preprocessing, ...squashed, ...raw };
}

async function addAdapter(args: Arguments, method: Method, { model }: OpenedModel): Promise<void> {
  if (args.initAdapter === undefined) await model.add('default', method, { key: key(args.seed) });
  else await loadAdapters(model, args.initAdapter, factories);
}

/**
 * Trains one method on an opened model, evaluates it and saves it to `folder`. An interrupt (`signal`) saves a checkpoint
 * beside the adapter and throws.
 */
export async function fit(
  args: Arguments & { method: string },
  opened: OpenedModel,
  { train, test }: FitData,
  engine: Engine,
  folder: string,
  output: Output,
  signal?: AbortSignal,
): Promise<FitResult> {
  const recipe = recipeOf(args);
  const { model, backbone } = opened;
  const started = performance.now();
  const preprocessing = preprocessingOf(recipe, opened);
  const method = makeMethod({ ...args, recipe: recipe.method }, [...backbone.model.classifiers]);
  await addAdapter(args, method, opened);
  setDropPath(backbone.model, recipe.dropPath);
  backbone.model.checkpointing = args.checkpointing;
  engine.invalidate();

  const { batch, accumulate } = recipe;
  const { seed, shuffle, cacheFeatures: limit } = args;
  const augment = recipe.augment === 'flip-crop' ? 'flip-crop' : 'none';
  const source = batchSource(train, preprocessing, { batch, seed, shuffle, dropLast: true, augment });
  const inOrder = { batch, seed, shuffle: false, dropLast: false, augment: 'none' } as const;
  const pictures = batchSource(train, preprocessing, inOrder);
  const cached = limit && (await featuresOf({ opened, engine, source, pictures, recipe, limit }, output, signal));
  const trainer = new Trainer({
    model,
    ...(cached || { engine, source }),
    optimizer: { lr: recipe.lr ?? methodEntry(args.method).lr, weightDecay: recipe.weightDecay },
    schedule: scheduleOf(recipe),
    ...(args.steps === undefined ? { epochs: recipe.epochs } : { steps: args.steps }),
    accumulate,
    seed,
    smoothing: args.smoothing,
    clipNorm: args.clip,
  });
  const checkpoint = join(folder, 'checkpoint.safetensors');
  const losses: number[] = [];
  const stepTimes: number[] = [];
  const epochs: EpochRecord[] = [];
  try {
    if (args.resume) await trainer.restore(await readCheckpoint(checkpoint), checkpoint);
    const bar = output.progress(args.method.padEnd(7), trainer.totalSteps);
    for await (const event of trainer.run({ signal })) {
      if (event.type === 'step') {
        losses.push(event.loss);
        stepTimes.push(event.ms);
        bar.at(event.step, `loss ${event.loss.toFixed(3)}  lr ${event.lr.toExponential(1)}`);
        if (args.checkpointEvery && event.step % args.checkpointEvery === 0)
          await writeAtomic(checkpoint, await trainer.checkpoint());
      } else if (event.type === 'stage') output.note(`${event.stage}, before step ${event.step + 1}`);
      else if (event.type === 'epoch') epochs.push({ epoch: event.epoch, meanLoss: event.meanLoss });
      else if (event.type === 'interrupted') {
        await writeAtomic(checkpoint, await trainer.checkpoint());
        throw new PeftError(
          'state',
          `Interrupted after step ${event.step}; ${checkpoint} is saved. Go on with --resume.`,
        );
      }
    }
    bar.end(`loss ${epochs.at(-1)?.meanLoss.toFixed(3) ?? '-'}`);
  } finally {
    await trainer.dispose();
  }
  const metrics = await measure(opened, preprocessing, test, engine, recipe.batch, output, signal);
  const card = await cardOf({ ...opened, preprocessing }, train.classes);
  const bytes = await saveAdapters(model, folder, card);
  const counted = countParameters(
    backbone.model,
    [...model.adapters.values()].map(({ plan }) => plan),
  );
  return {
    method: args.method,
    trainable: counted.trainable,
    total: counted.base + counted.adapter,
    insights: await inspect(args.method, model, engine, source),
    losses,
    epochs,
    metrics,
    seconds: (performance.now() - started) / 1000,
    stepMs: median(stepTimes.slice(1)),
    adapter: folder,
    bytes,
  };
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

async function readCheckpoint(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new PeftError('missing', `There is no checkpoint ${path} to resume from: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Accuracy of a model on a dataset, with a progress bar. */
export async function measure(
  { model }: Pick<OpenedModel, 'model'>,
  preprocessing: OpenedModel['preprocessing'],
  dataset: Dataset,
  engine: Engine,
  batch: number,
  output: Output,
  signal?: AbortSignal,
): Promise<Metrics> {
  const step = engine.compile(evaluationStep(model));
  const source = batchSource(dataset, preprocessing, {
    batch,
    seed: 0,
    shuffle: false,
    dropLast: false,
    augment: 'none',
  });
  const bar = output.progress('eval   ', dataset.size);
  try {
    const metrics = await evaluate(step, source, { onBatch: done => bar.at(done), signal });
    bar.end(`accuracy ${percent(metrics.accuracy)}`);
    return metrics;
  } finally {
    await step.dispose();
  }
}
