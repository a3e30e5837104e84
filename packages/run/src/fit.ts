import { setDropPath } from '@peft/backbones';
import { type BatchSource, check, type Engine, type JsonObject, type PictureBatch } from '@peft/core';
import { batchSource, type Dataset } from '@peft/data';
import { describeDifference, type ModelSplit, type Moment, Trainer } from '@peft/train';
import { countsOf } from './counts.ts';
import type { RunEvent } from './events.ts';
import { featuresOf } from './features.ts';
import type { RunModel } from './model.ts';
import type { RunOptions } from './options.ts';
import { scheduleOf } from './presets.ts';
import type { Recipe } from './recipe.ts';
import type { EpochRecord } from './record.ts';
import { median } from './statistics.ts';
import type { RunStore } from './store.ts';
import type { Watcher } from './watch.ts';

export interface FitOptions {
  readonly recipe: Recipe;
  readonly opened: RunModel;
  /** Its labels are the model's. */
  readonly train: Dataset;
  readonly engine: Engine;
  readonly store: RunStore;
  /** What a checkpoint must share with the run. */
  readonly identity: JsonObject;
  readonly resume: boolean | 'force';
  readonly signal: AbortSignal | undefined;
  readonly until: RunOptions['until'];
  /** Looks at the model after each epoch. */
  readonly watcher: Watcher | undefined;
}

/** What training came to. */
export interface Fitted {
  /** The loss of each step, from the first step of the run on. */
  readonly losses: readonly number[];
  readonly epochs: readonly EpochRecord[];
  /** The median time of a step in this part of the run, in ms; undefined if it took none. */
  readonly stepMs: number | undefined;
  readonly resumedDespite: readonly string[];
  /** The moment that the adapter is of, if the best was kept. */
  readonly best: Moment | undefined;
  /** The part of the model that cached features entered, below which no step computed anything. */
  readonly cachedFrom: string | undefined;
  /** The pictures trained on. */
  readonly source: BatchSource<PictureBatch>;
}

/** Where training paused, with a checkpoint. */
export interface Pause {
  readonly pausedAt: number;
  readonly place: string;
}

/** Batches of pictures; or of features that were computed once, and the split of the model that made them. */
interface Inputs {
  readonly source: BatchSource;
  readonly split?: ModelSplit;
  /** The part of the model that the features enter. */
  readonly enters?: string;
}

/** The pictures, and what is trained on: them, or features of them. */
interface Sources {
  readonly source: BatchSource<PictureBatch>;
  readonly inputs: Inputs;
}

async function* sourceOf({ recipe, opened, train, engine, signal }: FitOptions): AsyncGenerator<RunEvent, Sources> {
  const { batch, seed, shuffle, cacheFeatures: limit } = recipe;
  const { preprocessing } = opened;
  const augment = recipe.augment === 'flip-crop' ? 'flip-crop' : 'none';
  const source = batchSource(train, preprocessing, { batch, seed, shuffle, augment });
  if (limit === undefined) return { source, inputs: { source } };
  const pictures = batchSource(train, preprocessing, { batch, shuffle: false, dropLast: false });
  return { source, inputs: yield* featuresOf({ opened, engine, source, pictures, recipe, limit, signal }) };
}

/** Goes on from the newest whole checkpoint, if `resume` asks for it and there is one. */
async function* restore(trainer: Trainer, { store, resume }: FitOptions): AsyncGenerator<RunEvent, void> {
  if (!resume) return;
  const found = await store.findCheckpoint();
  if (!found) {
    const text = `There is no checkpoint in ${store.place}: the run starts from the beginning.`;
    yield { type: 'notice', text };
    return;
  }
  const { bytes, place, passedOver } = found;
  const differences = await trainer.restore(bytes, place, { force: resume === 'force' });
  const despite = differences.map(describeDifference);
  yield { type: 'resumed', step: trainer.step, place, passedOver, despite };
}

function epochsOf({ losses, stepsPerEpoch }: Trainer): EpochRecord[] {
  const count = Math.ceil(losses.length / stepsPerEpoch);
  return Array.from({ length: count }, (_, epoch) => {
    const part = losses.slice(epoch * stepsPerEpoch, (epoch + 1) * stepsPerEpoch);
    return { epoch, meanLoss: part.reduce((sum, loss) => sum + loss, 0) / part.length };
  });
}

const trainerOf = (options: FitOptions, { source, split }: Inputs): Trainer => {
  const { recipe, opened, engine, identity } = options;
  const { lr, weightDecay, epochs, steps, accumulate, seed, smoothing, clip } = recipe;
  return new Trainer({
    model: opened.model,
    engine,
    source,
    split,
    optimizer: { lr, weightDecay },
    schedule: scheduleOf(recipe.schedule, recipe.warmup),
    ...(steps === undefined ? { epochs } : { steps }),
    accumulate,
    seed,
    smoothing,
    clipNorm: clip,
    identity,
  });
};

/** Looks at the model after an epoch, counted from 0, if a look is due; the best is then remembered if it is to be kept. */
async function* look(
  epoch: number,
  trainer: Trainer,
  source: BatchSource<PictureBatch>,
  { watcher, recipe }: FitOptions,
): AsyncGenerator<RunEvent, void> {
  const isLast = trainer.step === trainer.totalSteps;
  if (!watcher?.isDue(epoch) && !(recipe.keepBest && isLast)) return;
  const event = await watcher?.look(epoch, trainer.step, source);
  if (!event) return;
  if (recipe.keepBest && event.metrics) await trainer.offerBest(event.metrics);
  yield event;
}

/** Goes back to the best moment. */
async function* recallBest(trainer: Trainer): AsyncGenerator<RunEvent, void> {
  if (!trainer.best) return;
  await trainer.recallBest();
  yield { type: 'best', ...trainer.best };
}

/** The step after which a run pauses; infinite if it does not. */
function pauseOf({ until }: FitOptions, { stepsPerEpoch, totalSteps }: Trainer): number {
  if (until === undefined) return Number.POSITIVE_INFINITY;
  const step = 'steps' in until ? until.steps : until.epochs * stepsPerEpoch;
  return step < totalSteps ? step : Number.POSITIVE_INFINITY;
}

/**
 * Trains an opened model. On an interrupt it finishes the current step, saves a checkpoint, and returns nothing. Where it is to pause
 * it saves a checkpoint and returns the place.
 */
export async function* fit(options: FitOptions): AsyncGenerator<RunEvent, Fitted | Pause | undefined> {
  const { recipe, opened, engine, store, signal, watcher } = options;
  setDropPath(opened.backbone.model, recipe.dropPath);
  opened.backbone.model.checkpointing = recipe.checkpointing;
  engine.invalidate();
  const { source, inputs } = yield* sourceOf(options);
  const trainer = trainerOf(options, inputs);
  const save = async (): Promise<string> => store.saveCheckpoint(await trainer.checkpoint());
  const times: number[] = [];
  try {
    yield* restore(trainer, options);
    // An interrupt at the end of an epoch came before the look.
    const { step, stepsPerEpoch, totalSteps } = trainer;
    if (step > 0 && (step % stepsPerEpoch === 0 || step === totalSteps)) {
      yield* look(Math.ceil(step / stepsPerEpoch) - 1, trainer, source, options);
    }
    const pausedAt = pauseOf(options, trainer);
    check(step <= pausedAt, 'state', () => {
      return `The checkpoint in ${store.place} is of step ${step}, after step ${pausedAt}, where this run pauses; use another folder.`;
    });
    if (step === pausedAt) return { pausedAt, place: store.place };
    yield { type: 'started', method: recipe.method, step: trainer.step, totalSteps, ...countsOf(opened) };
    for await (const event of trainer.run({ signal })) {
      if (event.type === 'step') {
        const { step, epoch, loss, lr, gradientNorm, ms } = event;
        times.push(ms);
        yield { type: 'step', step, totalSteps, epoch, loss, lr, gradientNorm, ms };
        if (step === pausedAt) return { pausedAt, place: await save() };
        const { checkpointEvery } = recipe;
        if (checkpointEvery && step % checkpointEvery === 0) yield { type: 'checkpoint', step, place: await save() };
      } else if (event.type === 'interrupted') {
        yield { type: 'interrupted', step: event.step, place: await save() };
        return undefined;
      } else if (event.type !== 'done') {
        yield event;
        if (event.type === 'epoch') yield* look(event.epoch, trainer, source, options);
      }
    }
    yield* recallBest(trainer);
    return {
      losses: [...trainer.losses],
      epochs: epochsOf(trainer),
      stepMs: times.length > 0 ? median(times.length > 1 ? times.slice(1) : times) : undefined,
      resumedDespite: trainer.resumedDespite.map(describeDifference),
      best: trainer.best,
      cachedFrom: inputs.enters,
      source,
    };
  } finally {
    await watcher?.dispose();
    await trainer.dispose();
  }
}
