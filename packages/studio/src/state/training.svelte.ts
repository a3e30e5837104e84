import type { Insight, RecipeOptions } from '@peft/run';
import type { Part, Trained, TrainingEvent, TrainJob } from '../worker/protocol.ts';
import { project } from './project.svelte.ts';
import { setup } from './setup.svelte.ts';
import { view } from './view.svelte.ts';
import { mayGoToSleep, stayAwake } from './wake-lock.ts';
import { endTrainer, trainer } from './workers.ts';

export type Phase = 'idle' | 'preparing' | 'training' | 'pausing' | 'paused' | 'evaluating' | 'done' | 'failed';

export interface Validated {
  readonly step: number;
  readonly accuracy: number;
}

/** A moment at which a method changed itself, such as when HEAT turned heads off. */
export interface StageMark {
  readonly step: number;
  readonly text: string;
}

export interface Finished {
  readonly run: string;
  readonly job: TrainJob;
  readonly ids: readonly string[];
  readonly parts: readonly Part[];
  readonly trained: Trained;
  readonly validation: readonly Validated[];
}

interface Watchers {
  finished(finished: Finished): Promise<void>;
  /** Told at each checkpoint what a reload needs beside it. */
  checkpoint(run: string, recipe: RecipeOptions, losses: readonly number[]): Promise<void>;
}

/** The run under way. Losses are drawn once a frame, so that no step waits for the page. */
class Training {
  phase: Phase = $state('idle');
  error: string | undefined = $state();
  engine: string | undefined = $state();
  notices: readonly string[] = $state.raw([]);
  losses: readonly number[] = $state.raw([]);
  validation: readonly Validated[] = $state.raw([]);
  stages: readonly StageMark[] = $state.raw([]);
  insights: readonly Insight[] = $state.raw([]);
  step = $state(0);
  totalSteps = $state(0);
  /** The mean of the last steps, in ms. */
  stepMs = $state(0);
  lr = $state(0);
  evaluated = $state({ done: 0, total: 0 });
  #run: string | undefined;
  #job: TrainJob | undefined;
  #ids: readonly string[] = [];
  #parts: readonly Part[] = [];
  /** Whether a stop is to be followed by the test. */
  #isFinishing = false;
  #isDiscarded = false;
  #newLosses: number[] = [];
  #frame = 0;
  watchers: Watchers | undefined;

  readonly isBusy = $derived(['preparing', 'training', 'pausing', 'evaluating'].includes(this.phase));
  readonly secondsLeft = $derived(((this.totalSteps - this.step) * this.stepMs) / 1000);
  readonly picturesPerSecond = $derived(
    this.stepMs > 0 ? (1000 * (setup.recipe.batch ?? 32) * (setup.recipe.accumulate ?? 1)) / this.stepMs : 0,
  );

  /** Trains on the project's pictures, from the beginning. */
  async start(): Promise<void> {
    const { ids, ...pictures } = project.labeled();
    this.#run = crypto.randomUUID();
    this.#ids = ids;
    this.#job = { ...pictures, recipe: setup.recipe, backbone: setup.backbone, run: this.#run, from: 'start' };
    this.#forget();
    await this.#train(this.#job);
  }

  /** Goes on with a run that a reload interrupted. */
  async goOn(run: string, recipe: RecipeOptions, losses: readonly number[]): Promise<void> {
    const { ids, ...pictures } = project.labeled();
    this.#run = run;
    this.#ids = ids;
    this.#job = { ...pictures, recipe, backbone: setup.backbone, run, from: 'checkpoint' };
    this.#forget();
    this.losses = losses;
    await this.#train(this.#job);
  }

  /** Finishes the step under way and keeps a checkpoint. */
  pause(): Promise<void> {
    return this.#stop();
  }

  async resume(): Promise<void> {
    if (this.#job) await this.#train({ ...this.#job, from: 'checkpoint' });
  }

  /** Ends training here, and tests what has been learned. */
  async finish(): Promise<void> {
    if (this.phase === 'paused') await this.#finishHere();
    else {
      this.#isFinishing = true;
      await this.#stop();
    }
  }

  /** Ends training and keeps nothing of it. */
  discard(): void {
    this.#isDiscarded = true;
    endTrainer('The run was ended.');
    this.#forget();
    this.phase = 'idle';
  }

  async #stop(): Promise<void> {
    this.phase = 'pausing';
    await trainer().call('stop', undefined);
  }

  async #finishHere(): Promise<void> {
    if (!this.#job) return;
    const recipe = { ...this.#job.recipe, steps: this.step };
    this.#job = { ...this.#job, recipe };
    await this.#train({ ...this.#job, from: 'finish' });
  }

  async #train(job: TrainJob): Promise<void> {
    this.#isFinishing = this.#isDiscarded = false;
    this.phase = 'preparing';
    this.error = undefined;
    stayAwake();
    try {
      const trained = await trainer().call('train', job, event => this.#take(event));
      if (trained) await this.#end(trained, job);
      else if (this.#isFinishing) await this.#finishHere();
      else this.phase = 'paused';
    } catch (error) {
      if (this.#isDiscarded) return;
      this.error = error instanceof Error ? error.message : String(error);
      this.phase = 'failed';
    } finally {
      mayGoToSleep();
    }
  }

  async #end(trained: Trained, job: TrainJob): Promise<void> {
    if (!this.#run) return;
    this.phase = 'evaluating';
    this.insights = trained.record.result.insights;
    const { validation } = this;
    await this.watchers?.finished({
      ...{ run: this.#run, job, ids: this.#ids, parts: this.#parts, trained, validation },
    });
    this.phase = 'done';
    view.announce(`Training is done: ${(100 * trained.record.result.metrics.accuracy).toFixed(1)} % on the test part.`);
  }

  #take(event: TrainingEvent): void {
    switch (event.type) {
      case 'parts':
        this.#parts = event.parts;
        break;
      case 'engine':
        this.engine = event.name;
        break;
      case 'notice':
        this.notices = [...this.notices, event.text];
        break;
      case 'resumed':
        this.losses = this.losses.slice(0, event.step);
        break;
      case 'started':
        [this.step, this.totalSteps] = [event.step, event.totalSteps];
        this.phase = 'training';
        break;
      case 'step':
        this.#takeStep(event);
        break;
      case 'stage':
        this.stages = [...this.stages, { step: event.step, text: event.stage }];
        break;
      case 'watched': {
        const { metrics, step, insights } = event;
        if (metrics) this.validation = [...this.validation, { step, accuracy: metrics.accuracy }];
        this.insights = insights;
        break;
      }
      case 'epoch':
        view.announce(`Epoch ${event.epoch + 1}: mean loss ${event.meanLoss.toFixed(2)}`);
        break;
      case 'checkpoint':
      case 'interrupted':
        void this.#saveCurve();
        break;
      case 'evaluating':
        this.phase = 'evaluating';
        this.evaluated = { done: event.done, total: event.total };
        break;
    }
  }

  #takeStep({ loss, ms, lr }: { readonly loss: number; readonly ms: number; readonly lr: number }): void {
    this.#newLosses.push(loss);
    this.#frame ||= requestAnimationFrame(() => {
      this.#showLosses();
      this.lr = lr;
      this.stepMs = this.stepMs === 0 ? ms : 0.9 * this.stepMs + 0.1 * ms;
    });
  }

  #showLosses(): void {
    this.#frame = 0;
    this.losses = [...this.losses, ...this.#newLosses];
    this.#newLosses = [];
    this.step = this.losses.length;
  }

  async #saveCurve(): Promise<void> {
    this.#showLosses();
    if (this.#run && this.#job) await this.watchers?.checkpoint(this.#run, this.#job.recipe, this.losses);
  }

  #forget(): void {
    this.losses = this.validation = this.stages = this.insights = this.notices = [];
    this.#newLosses = [];
    [this.step, this.totalSteps, this.stepMs] = [0, 0, 0];
    this.evaluated = { done: 0, total: 0 };
    this.error = undefined;
  }
}

export const training = new Training();
