import { setDropPath } from '@peft/backbones';
import type { Engine } from '@peft/core';
import { batchSource, type Dataset } from '@peft/data';
import { type BatchSource, Trainer } from '@peft/train';
import type { Arguments } from '../arguments.ts';
import type { Output } from '../output/output.ts';
import { type Recipe, scheduleOf } from '../presets.ts';
import { median } from '../statistics.ts';
import type { RunCheckpoints } from './checkpoints.ts';
import { featuresOf } from './features.ts';
import type { OpenedModel } from './model.ts';

export interface EpochRecord {
  epoch: number;
  meanLoss: number;
}

/** How the loss went. */
export interface Curves {
  /** One a step; those before a checkpoint that the run went on from are not among them. */
  losses: number[];
  epochs: EpochRecord[];
  /** Median over the steps. The first is left out if there are others, as it includes recording. */
  stepMs: number;
}

export interface FitOptions {
  args: Arguments;
  method: string;
  recipe: Recipe;
  opened: OpenedModel;
  /** Labeled as the model numbers its classes. */
  train: Dataset;
  engine: Engine;
  checkpoints: RunCheckpoints;
  signal: AbortSignal | undefined;
}

/** What steps are run on: batches of pictures, or of features that were computed once. */
async function sourceOf(options: FitOptions, output: Output) {
  const { args, recipe, opened, train, engine, signal } = options;
  const { batch, seed, shuffle } = recipe;
  const { preprocessing } = opened;
  const augment = recipe.augment === 'flip-crop' ? 'flip-crop' : 'none';
  const source = batchSource(train, preprocessing, { batch, seed, shuffle, dropLast: true, augment });
  const limit = args.cacheFeatures;
  if (!limit) return { source, inputs: { engine, source } };
  const inOrder = { batch, seed, shuffle: false, dropLast: false, augment: 'none' } as const;
  const pictures = batchSource(train, preprocessing, inOrder);
  return { source, inputs: await featuresOf({ opened, engine, source, pictures, recipe, limit }, output, signal) };
}

/**
 * Trains an opened model. An interrupt finishes the step under way, saves a checkpoint and throws.
 *
 * @returns how the loss went, and the batches that it was trained on
 */
export async function fit(options: FitOptions, output: Output): Promise<Curves & { source: BatchSource }> {
  const { args, recipe, opened, engine, checkpoints, signal } = options;
  setDropPath(opened.backbone.model, recipe.dropPath);
  opened.backbone.model.checkpointing = args.checkpointing;
  engine.invalidate();
  const { source, inputs } = await sourceOf(options, output);
  const trainer = new Trainer({
    model: opened.model,
    ...inputs,
    optimizer: { lr: recipe.lr, weightDecay: recipe.weightDecay },
    schedule: scheduleOf(recipe),
    ...(recipe.steps === undefined ? { epochs: recipe.epochs } : { steps: recipe.steps }),
    accumulate: recipe.accumulate,
    seed: recipe.seed,
    smoothing: recipe.smoothing,
    clipNorm: recipe.clip,
    recipe: checkpoints.recipe,
  });
  const losses: number[] = [];
  const stepTimes: number[] = [];
  const epochs: EpochRecord[] = [];
  try {
    await checkpoints.restore(trainer, args.resume, output);
    const bar = output.progress(options.method.padEnd(7), trainer.totalSteps);
    for await (const event of trainer.run({ signal })) {
      if (event.type === 'step') {
        const { step, loss, lr, ms } = event;
        losses.push(loss);
        stepTimes.push(ms);
        bar.at(step, `loss ${loss.toFixed(3)}  lr ${lr.toExponential(1)}`);
        if (args.checkpointEvery && step % args.checkpointEvery === 0) await checkpoints.save(trainer);
      } else if (event.type === 'stage') output.note(`${event.stage}, before step ${event.step + 1}`);
      else if (event.type === 'epoch') epochs.push({ epoch: event.epoch, meanLoss: event.meanLoss });
      else if (event.type === 'interrupted') await checkpoints.stop(trainer);
    }
    bar.end(`loss ${epochs.at(-1)?.meanLoss.toFixed(3) ?? '-'}`);
  } finally {
    await trainer.dispose();
  }
  return { losses, epochs, stepMs: median(stepTimes.length > 1 ? stepTimes.slice(1) : stepTimes), source };
}
