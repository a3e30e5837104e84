import type { Engine } from '@peft/core';
import { batchSource, type Dataset } from '@peft/data';
import { evaluate, evaluationStep, type Metrics } from '@peft/train';
import type { Output } from '../output/output.ts';
import { percent } from '../output/table.ts';
import type { OpenedModel } from './model.ts';

export interface MeasureOptions {
  engine: Engine;
  /** Pictures at a time. */
  batch: number;
  signal?: AbortSignal;
}

/** Accuracy of a model on a dataset whose labels are the model's, with a progress bar. */
export async function measure(
  { model, preprocessing }: Pick<OpenedModel, 'model' | 'preprocessing'>,
  dataset: Dataset,
  { engine, batch, signal }: MeasureOptions,
  output: Output,
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
