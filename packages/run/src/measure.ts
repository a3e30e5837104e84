import type { Engine } from '@peft/core';
import { batchSource, type Dataset } from '@peft/data';
import { evaluate, evaluationStep, type Metrics } from '@peft/train';
import type { RunModel } from './model.ts';

export interface MeasureOptions {
  readonly engine: Engine;
  /** Pictures in a batch. */
  readonly batch: number;
  readonly signal?: AbortSignal;
  /** Called with the number of pictures done. */
  readonly onBatch?: (done: number) => void;
}

/** Measures a model on a dataset whose labels are the model's. */
export async function measure(
  { model, preprocessing }: Pick<RunModel, 'model' | 'preprocessing'>,
  dataset: Dataset,
  { engine, batch, signal, onBatch }: MeasureOptions,
): Promise<Metrics> {
  const step = engine.compile(evaluationStep(model));
  const source = batchSource(dataset, preprocessing, { batch, shuffle: false, dropLast: false });
  try {
    return await evaluate(step, source, { onBatch, signal });
  } finally {
    await step.dispose();
  }
}
