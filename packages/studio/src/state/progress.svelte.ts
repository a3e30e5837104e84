import type { BestEvent, Insight } from '@peft/run';
import type { TrainingEvent } from '../worker/protocol.ts';
import { setup } from './setup.svelte.ts';
import { view } from './view.svelte.ts';

export interface Validated {
  readonly step: number;
  readonly accuracy: number;
}

/** A moment at which a method changed itself, such as when HEAT turned heads off. */
interface StageMark {
  readonly step: number;
  readonly text: string;
}

type StepEvent = Extract<TrainingEvent, { type: 'step' }>;

/** How the run under way goes. Losses are drawn once a frame, so that no step waits for the page. */
class Progress {
  engine: string | undefined = $state();
  /** Why it is that one. */
  engineReason = $state('');
  notices: readonly string[] = $state.raw([]);
  losses: readonly number[] = $state.raw([]);
  validation: readonly Validated[] = $state.raw([]);
  /** The moment that the adapter is of, once training is done, if the best is kept. */
  best: BestEvent | undefined = $state.raw();
  stages: readonly StageMark[] = $state.raw([]);
  insights: readonly Insight[] = $state.raw([]);
  step = $state(0);
  totalSteps = $state(0);
  /** The mean of the last steps, in ms. */
  stepMs = $state(0);
  #newLosses: number[] = [];
  #frame = 0;

  readonly share = $derived(this.totalSteps > 0 ? this.step / this.totalSteps : 0);
  readonly secondsLeft = $derived(((this.totalSteps - this.step) * this.stepMs) / 1000);
  readonly picturesPerSecond = $derived(
    this.stepMs > 0 ? (1000 * (setup.recipe.batch ?? 32) * (setup.recipe.accumulate ?? 1)) / this.stepMs : 0,
  );

  /** Starts over, from the losses of a run that is gone on with. */
  reset(losses: readonly number[] = []): void {
    this.validation = this.stages = this.insights = this.notices = [];
    this.engine = undefined;
    this.best = undefined;
    this.#newLosses = [];
    this.losses = losses;
    [this.step, this.totalSteps, this.stepMs] = [losses.length, 0, 0];
  }

  take(event: TrainingEvent): void {
    switch (event.type) {
      case 'engine':
        [this.engine, this.engineReason] = [event.name, event.reason];
        break;
      case 'notice':
        if (!this.notices.includes(event.text)) this.notices = [...this.notices, event.text];
        break;
      case 'resumed':
        this.show();
        this.losses = this.losses.slice(0, event.step);
        break;
      case 'started':
        [this.step, this.totalSteps] = [event.step, event.totalSteps];
        break;
      case 'step':
        this.#takeStep(event);
        break;
      case 'stage':
        this.stages = [...this.stages, { step: event.step, text: event.stage }];
        break;
      case 'best':
        this.best = event;
        break;
      case 'epoch':
        view.announce(`Epoch ${event.epoch + 1}: mean loss ${event.meanLoss.toFixed(2)}`);
        break;
      case 'watched': {
        const { metrics, step, insights } = event;
        if (metrics) this.validation = [...this.validation, { step, accuracy: metrics.accuracy }];
        this.insights = insights;
        break;
      }
    }
  }

  /** Shows the losses that came since the last frame. */
  show(): void {
    this.#frame = 0;
    if (this.#newLosses.length === 0) return;
    this.losses = [...this.losses, ...this.#newLosses];
    this.#newLosses = [];
    this.step = this.losses.length;
  }

  #takeStep({ loss, ms }: StepEvent): void {
    this.#newLosses.push(loss);
    this.#frame ||= requestAnimationFrame(() => {
      this.show();
      this.stepMs = this.stepMs === 0 ? ms : 0.9 * this.stepMs + 0.1 * ms;
    });
  }
}

export const progress = new Progress();
