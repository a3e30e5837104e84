import type { BatchSource, Engine, PictureBatch } from '@peft/core';
import { batchSource, type Dataset } from '@peft/data';
import { evaluate, evaluationStep, type Metrics } from '@peft/train';
import type { WatchedEvent } from './events.ts';
import { lookInside } from './look-inside.ts';
import type { MethodEntry } from './methods.ts';
import type { RunModel } from './model.ts';

/** What to look at between epochs. It changes no number of the run. */
export interface Watch {
  /** Pictures that accuracy is measured on, labeled as the model numbers its classes. */
  readonly validation?: Dataset;
  /** Whether to look into the adapters. */
  readonly insights?: boolean;
  /** Epochs between two looks; 1 unless given. */
  readonly every?: number;
}

export interface WatcherOptions {
  readonly watch: Watch;
  readonly opened: RunModel;
  readonly engine: Engine;
  readonly batch: number;
  readonly methods: Readonly<Record<string, MethodEntry>>;
}

/** Looks at a model while it is trained. */
export class Watcher {
  readonly #options: WatcherOptions;
  #evaluation: Parameters<typeof evaluate>[0] | undefined;
  #last: { readonly step: number; readonly metrics: Metrics } | undefined;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  /** Whether to look after an epoch, counted from 0. */
  isDue(epoch: number): boolean {
    return (epoch + 1) % (this.#options.watch.every ?? 1) === 0;
  }

  /** @param source what is trained on, for looking inside */
  async look(epoch: number, step: number, source: BatchSource<PictureBatch>): Promise<WatchedEvent> {
    const { watch, opened, engine, batch, methods } = this.#options;
    const insights = watch.insights ? await lookInside(opened.model, engine, source, methods) : [];
    if (!watch.validation) return { type: 'watched', epoch, step, insights };
    this.#evaluation ??= engine.compile(evaluationStep(opened.model));
    const pictures = batchSource(watch.validation, opened.preprocessing, { batch, shuffle: false, dropLast: false });
    const metrics = await evaluate(this.#evaluation, pictures);
    this.#last = { step, metrics };
    return { type: 'watched', epoch, step, metrics, insights };
  }

  /** What the validation pictures came to after so many steps, if the last look was then. */
  metricsAfter(step: number): Metrics | undefined {
    return this.#last?.step === step ? this.#last.metrics : undefined;
  }

  async dispose(): Promise<void> {
    await this.#evaluation?.dispose();
  }
}
