import type { RecipeOptions } from '@peft/run';
import { messageOf } from '../message-of.ts';
import type { Part, Trained, TrainingEvent, TrainJob } from '../worker/protocol.ts';
import { progress, type Validated } from './progress.svelte.ts';
import { project } from './project.svelte.ts';
import { setup } from './setup.svelte.ts';
import { view } from './view.svelte.ts';
import { mayGoToSleep, stayAwake } from './wake-lock.ts';
import { endTrainer, trainer } from './workers.ts';

export type Phase = 'idle' | 'preparing' | 'training' | 'pausing' | 'paused' | 'evaluating' | 'done' | 'failed';

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

/** Starts, pauses and ends runs. */
class Training {
  phase: Phase = $state('idle');
  error: string | undefined = $state();
  /** Whether the run has a checkpoint to go on from. */
  hasCheckpoint = $state(false);
  watchers: Watchers | undefined;
  #run: string | undefined;
  #job: TrainJob | undefined;
  #ids: readonly string[] = [];
  #parts: readonly Part[] = [];
  /** Whether a stop is to be followed by the test. */
  #isFinishing = false;
  #isDiscarded = false;

  readonly isBusy = $derived(['preparing', 'training', 'pausing', 'evaluating'].includes(this.phase));

  /** Trains on the project's pictures, from the beginning. */
  async start(): Promise<void> {
    const { ids, ...pictures } = project.labeled();
    this.#run = crypto.randomUUID();
    this.#ids = ids;
    const { recipe, backbone, engine } = setup;
    this.#job = { ...pictures, recipe, backbone, engine, run: this.#run, from: 'start' };
    this.hasCheckpoint = false;
    progress.reset();
    await this.#train(this.#job);
  }

  /** Goes on with a run that a reload interrupted. */
  async goOn(run: string, recipe: RecipeOptions, losses: readonly number[]): Promise<void> {
    const { ids, ...pictures } = project.labeled();
    this.#run = run;
    this.#ids = ids;
    const { backbone, engine } = setup;
    this.#job = { ...pictures, recipe, backbone, engine, run, from: 'checkpoint' };
    this.hasCheckpoint = true;
    progress.reset(losses);
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
    progress.reset();
    this.phase = 'idle';
  }

  async #stop(): Promise<void> {
    this.phase = 'pausing';
    await trainer().call('stop', undefined);
  }

  async #finishHere(): Promise<void> {
    if (!this.#job) return;
    const recipe = { ...this.#job.recipe, steps: progress.step };
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
      this.error = messageOf(error);
      this.phase = 'failed';
    } finally {
      mayGoToSleep();
    }
  }

  async #end(trained: Trained, job: TrainJob): Promise<void> {
    if (!this.#run) return;
    this.phase = 'evaluating';
    progress.insights = trained.record.result.insights;
    const { validation } = progress;
    await this.watchers?.finished({
      ...{ run: this.#run, job, ids: this.#ids, parts: this.#parts, trained, validation },
    });
    this.phase = 'done';
    view.announce(`Training is done: ${(100 * trained.record.result.metrics.accuracy).toFixed(1)} % on the test part.`);
  }

  #take(event: TrainingEvent): void {
    progress.take(event);
    if (event.type === 'parts') this.#parts = event.parts;
    else if (event.type === 'started') this.phase = 'training';
    else if (event.type === 'evaluating') this.phase = 'evaluating';
    else if (event.type === 'checkpoint' || event.type === 'interrupted') void this.#saveCurve();
  }

  async #saveCurve(): Promise<void> {
    this.hasCheckpoint = true;
    progress.show();
    if (this.#run && this.#job) await this.watchers?.checkpoint(this.#run, this.#job.recipe, progress.losses);
  }
}

export const training = new Training();
