import {
  type AdaptedModel,
  type Adapter,
  type Batch,
  type BatchSource,
  check,
  type Engine,
  eagerEngine,
  fold,
  type JsonObject,
  key,
  type Method,
  PeftError,
} from '@peft/core';
import type { Stage } from '@peft/core/method';
import type { AdamW, AdamWOptions } from './adamw.ts';
import { Best, type Moment } from './best.ts';
import {
  checkIdentity,
  type MethodRecords,
  parseCheckpoint,
  type RunIdentity,
  recordsOf,
  restoreMethods,
  restoreValues,
  writeCheckpoint,
} from './checkpoint.ts';
import { checkNotDiverged, checkParameters } from './finite.ts';
import { inputOf } from './forward.ts';
import { type Difference, plain } from './recipe.ts';
import { constantRate, type Schedule } from './schedule.ts';
import { passStage, stageOf } from './stage.ts';
import { evaluationStep, type StepOptions } from './step.ts';
import { type Batches, makeUpdate, type Update } from './update.ts';

export interface TrainerOptions extends StepOptions {
  model: AdaptedModel;
  /** Runs the steps; by default the eager engine, which is TensorFlow.js op by op. */
  engine?: Engine;
  source: BatchSource;
  optimizer: AdamWOptions;
  schedule?: Schedule;
  /** How long to train: whole epochs, or optimizer steps. */
  epochs?: number;
  steps?: number;
  /** Batches whose gradients are averaged before each update. */
  accumulate?: number;
  /** Seeds dropout and stochastic depth. The source seeds the order of pictures. */
  seed?: number;
  /**
   * Whatever else defines the run, as plain data: schedule, augmentation, order, image size, preprocessing, hashes of the weights
   * and of the lists of pictures. A checkpoint records it, and a run that differs in it does not go on from there.
   */
  recipe?: JsonObject;
  /**
   * All that defines the run but its methods, as plain data: it is compared in the place of `recipe` and of the trainer's own
   * options. For callers whose description has these options too, so that none is compared twice.
   */
  identity?: JsonObject;
}

type Settings = TrainerOptions & { readonly engine: Engine };

/** The events of a run. */
export type TrainEvent =
  | { type: 'step'; step: number; epoch: number; loss: number; lr: number; gradientNorm: number; ms: number }
  | { type: 'stage'; step: number; adapter: string; stage: string; ms: number }
  | { type: 'epoch'; epoch: number; meanLoss: number }
  | { type: 'interrupted'; step: number }
  | { type: 'done'; steps: number };

/**
 * A training run that can be stopped, saved and resumed with bit-identical results. Stages of methods run when they are due: the
 * optimizer then restarts over the trainable parameters, and the schedule continues.
 *
 * ```ts
 * const trainer = new Trainer({ model, source, optimizer: { lr: 1e-3 }, epochs: 10 });
 * for await (const event of trainer.run()) if (event.type === 'step') console.log(event.loss);
 * ```
 */
export class Trainer {
  readonly options: Settings;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  #step = 0;
  #optimizerStart = 0;
  #update: Update;
  /** The methods of the adapters before any stage. */
  readonly #initial: ReadonlyMap<string, Method>;
  readonly #initialRecords: MethodRecords;
  readonly #best = new Best();
  #lastBatch: Batch | undefined;
  #losses: number[] = [];
  #resumedDespite: readonly Difference[] = [];

  constructor({ engine = eagerEngine(), ...given }: TrainerOptions) {
    const options = { ...given, engine };
    this.options = options;
    const { model, source, epochs, steps, accumulate = 1 } = options;
    check(
      epochs !== undefined || steps !== undefined,
      'bad-argument',
      () => 'Give the number of epochs or of steps to train.',
    );
    check(
      Number.isInteger(accumulate) && accumulate > 0,
      'bad-argument',
      () => `accumulate is ${accumulate}; it must be 1 or more.`,
    );
    this.stepsPerEpoch = Math.floor(source.length / accumulate);
    check(this.stepsPerEpoch > 0, 'bad-argument', () => {
      return `An epoch has ${source.length} whole batches, fewer than one step of ${accumulate}; use a smaller batch or more pictures.`;
    });
    this.totalSteps = steps ?? (epochs as number) * this.stepsPerEpoch;
    for (const adapter of model.active) {
      const stage = stageOf(adapter);
      check(
        !stage || stage.optional || this.#dueAt(stage) < this.totalSteps,
        'bad-argument',
        () =>
          `Adapter "${adapter.name}" (${adapter.method.type}) is to ${stage?.name} at step ${stage && this.#dueAt(stage)}, ` +
          `but the run has ${this.totalSteps} steps; train longer, or let it come earlier.`,
      );
    }
    this.#initial = new Map(model.active.map(({ name, method }) => [name, method]));
    this.#initialRecords = recordsOf(model);
    this.#update = makeUpdate(options);
  }

  /** Optimizer steps done. */
  get step(): number {
    return this.#step;
  }

  /** The loss of every step from the first on, those before a checkpoint included. */
  get losses(): readonly number[] {
    return this.#losses;
  }

  /** The differences that resumes of this run were forced to ignore. */
  get resumedDespite(): readonly Difference[] {
    return this.#resumedDespite;
  }

  /** The best moment of those offered since the last stage. */
  get best(): Moment | undefined {
    return this.#best.kept?.moment;
  }

  /**
   * Remembers the parameters as they are now, if they are the best so far; checkpoints hold them too. A stage of a method forgets
   * them, since it changes what is trained.
   */
  async offerBest({ accuracy, loss }: Omit<Moment, 'step'>): Promise<void> {
    await this.options.engine.sync();
    await this.#best.offer(this.options.model, { step: this.#step, accuracy, loss });
  }

  /** Gives the parameters the values of the best moment. Training does not go on from there. */
  async recallBest(): Promise<void> {
    await this.options.engine.sync();
    this.#best.recall(this.options.model);
  }

  /** The optimizer over what is trainable now. */
  get optimizer(): AdamW {
    return this.#update.optimizer;
  }

  /**
   * Trains to the end, or until the signal aborts, after which the current step is finished. When it yields
   * `epoch`, `interrupted` or `done`, the parameters hold what was trained so far, and are finite.
   *
   * @throws PeftError `numerics` if the loss, a gradient or a parameter is no longer finite, or what the model makes of a batch
   *   after the last step
   */
  async *run({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<TrainEvent> {
    const { source, accumulate = 1 } = this.options;
    while (this.#step < this.totalSteps) {
      const epoch = Math.floor(this.#step / this.stepsPerEpoch);
      const first = this.#step % this.stepsPerEpoch;
      let lossSum = 0;
      let batches: Batches | undefined;
      for await (const batch of source.batches(epoch, first * accumulate)) {
        batches = batches ? [...batches, batch] : [batch];
        if (batches.length < accumulate) continue;
        yield* this.#passStages();
        const event = await this.#runStep(batches, epoch);
        batches = undefined;
        lossSum += event.loss;
        yield event;
        if (signal?.aborted) {
          await this.#sync();
          yield { type: 'interrupted', step: this.#step };
          return;
        }
        if (this.#step % this.stepsPerEpoch === 0 || this.#step >= this.totalSteps) break;
      }
      const done = this.#step - epoch * this.stepsPerEpoch - first;
      check(done > 0, 'bad-file', () => `The data of epoch ${epoch} ended before its first batch.`);
      await this.#sync();
      yield { type: 'epoch', epoch, meanLoss: lossSum / done };
    }
    await this.#checkLastStep();
    yield { type: 'done', steps: this.#step };
  }

  /** Syncs the parameters from the engine, and throws if they are not finite. */
  async #sync(): Promise<void> {
    await this.options.engine.sync();
    await checkParameters(this.options.model, this.#step);
  }

  /** A loss reveals a diverged update one step later; the logits of a batch reveal that of the last step. */
  async #checkLastStep(): Promise<void> {
    const { engine, model, source, split } = this.options;
    const batch = this.#lastBatch ?? (await firstOf(source.batches(0)));
    if (!batch) return;
    const step = engine.compile(evaluationStep(model, split));
    try {
      const { logits } = await step.run(inputOf(batch));
      checkNotDiverged('An output of the model', logits.data, this.#step);
    } finally {
      await step.dispose();
    }
  }

  /** The step before which a stage comes. */
  #dueAt(stage: Stage): number {
    return Math.round(stage.after(this.totalSteps / this.stepsPerEpoch) * this.stepsPerEpoch);
  }

  /** Runs the stages that are due, in order. */
  async *#passStages(): AsyncGenerator<TrainEvent> {
    const { model } = this.options;
    const isDue = (adapter: Adapter): boolean => {
      const stage = stageOf(adapter);
      return stage !== undefined && this.#dueAt(stage) <= this.#step;
    };
    for (let due = model.active.find(isDue); due; due = model.active.find(isDue)) {
      const started = performance.now();
      const stage = stageOf(due) as Stage;
      await passStage(model, due, stage, this.options);
      await this.#reassemble();
      this.#best.restore(undefined);
      const ms = performance.now() - started;
      yield { type: 'stage', step: this.#step, adapter: due.name, stage: stage.name, ms };
    }
  }

  /** Restarts the optimizer over the trainable parameters. */
  async #reassemble(): Promise<void> {
    await this.#update.dispose();
    this.#update = makeUpdate(this.options);
    this.#optimizerStart = this.#step;
    this.options.engine.invalidate();
  }

  async #runStep(batches: Batches, epoch: number): Promise<Extract<TrainEvent, { type: 'step' }>> {
    const { schedule = constantRate, seed = 0 } = this.options;
    const { totalSteps, stepsPerEpoch } = this;
    const started = performance.now();
    const step = this.#step;
    const lr = schedule(this.options.optimizer.lr, { step, stepsPerEpoch, totalSteps });
    const scalars = this.optimizer.inputs(step - this.#optimizerStart + 1, lr);
    const seedOf = (batch: number): number => fold(fold(key(seed), step), batch).state;
    const { loss, gradientNorm } = await this.#update.run(batches, scalars, seedOf);
    this.#lastBatch = batches.at(-1);
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      throw new PeftError(
        'numerics',
        `The ${Number.isFinite(loss) ? 'gradient' : 'loss'} became ${Number.isFinite(loss) ? gradientNorm : loss} at step ` +
          `${step + 1} (learning rate ${lr.toExponential(2)}); use a lower learning rate or clip the gradient.`,
      );
    }
    this.#step++;
    this.#losses.push(loss);
    return { type: 'step', step: this.#step, epoch, loss, lr, gradientNorm, ms: performance.now() - started };
  }

  get #identity(): RunIdentity {
    const { source, schedule = constantRate, recipe = {}, identity } = this.options;
    if (identity) return { initial: this.#initialRecords, run: {}, recipe: plain(identity) };
    const { accumulate = 1, smoothing = 0, clipNorm = null, seed = 0 } = this.options;
    const { totalSteps, stepsPerEpoch } = this;
    const rateAt = (step: number): number => schedule(this.options.optimizer.lr, { step, stepsPerEpoch, totalSteps });
    const run = {
      seed,
      totalSteps,
      optimizer: this.optimizer.options,
      learningRates: [0, 0.1, 0.25, 0.5, 0.75, 1].map(part => rateAt(Math.floor(part * (totalSteps - 1)))),
      accumulate,
      smoothing,
      clipNorm,
      batchSize: source.batchSize ?? null,
      batchesPerEpoch: source.length,
      imageSize: [...source.size],
    };
    return { initial: this.#initialRecords, run: plain(run), recipe: plain(recipe) };
  }

  /**
   * All that going on needs: the trained parameters, the optimizer's moments, the stages passed, the place in the run and its
   * recipe.
   *
   * @throws PeftError `numerics` if a parameter or a moment is not finite
   */
  async checkpoint(): Promise<Uint8Array> {
    const { engine, model } = this.options;
    await engine.sync();
    return writeCheckpoint(
      { model, optimizer: this.optimizer, best: this.#best },
      {
        ...this.#identity,
        step: this.#step,
        optimizerStart: this.#optimizerStart,
        methods: recordsOf(model),
        losses: this.#losses,
        resumedDespite: this.#resumedDespite,
      },
    );
  }

  /**
   * Goes back to a checkpoint of this very run; the next step is the one that would have come.
   *
   * @param options.force go on from a checkpoint of a run with other options, if its tensors fit
   * @returns in what that run differed
   * @throws PeftError `bad-argument` if the checkpoint is of another run, with each field that differs and both values;
   *   `bad-file` if it is damaged or does not fit
   */
  async restore(
    bytes: Uint8Array,
    source = 'checkpoint',
    { force = false }: { force?: boolean } = {},
  ): Promise<Difference[]> {
    const { model } = this.options;
    const checkpoint = parseCheckpoint(bytes, source);
    const { step, optimizerStart, losses, resumedDespite } = checkpoint.place;
    const differences = checkIdentity(checkpoint, this.#identity, force);
    check(step <= this.totalSteps, 'bad-argument', () => {
      return `${source} is of step ${step}, and this run ends at step ${this.totalSteps}; train for more steps.`;
    });
    await restoreMethods(model, this.#initial, checkpoint);
    await this.#reassemble();
    restoreValues(checkpoint, { model, optimizer: this.optimizer, best: this.#best });
    this.#step = step;
    this.#optimizerStart = optimizerStart;
    this.#losses = [...losses];
    this.#resumedDespite = [...resumedDespite, ...differences];
    return differences;
  }

  async dispose(): Promise<void> {
    await this.#update.dispose();
  }
}

async function firstOf<T>(values: AsyncIterable<T>): Promise<T | undefined> {
  for await (const value of values) return value;
  return undefined;
}
