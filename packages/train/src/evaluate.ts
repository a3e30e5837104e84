import { type CompiledStep, check } from '@peft/core';
import type { Batch, BatchSource } from './batch.ts';
import { type Metrics, MetricsAccumulator } from './metrics.ts';

/** The inputs of a step for a batch. Pictures have three channels; features have as many as follow from their size. */
export const batchInputs = ({ images, labels }: Batch, [height, width]: readonly [number, number]) => ({
  images: { data: images, shape: [labels.length, height, width, images.length / (labels.length * height * width)] },
  labels: { data: labels, shape: [labels.length] },
});

/**
 * Runs a compiled {@link evaluationStep} over a source.
 *
 * @param onBatch called with the number of samples done
 */
export async function evaluate(
  step: CompiledStep,
  source: BatchSource,
  { onBatch, signal }: { onBatch?: (done: number) => void; signal?: AbortSignal } = {},
): Promise<Metrics> {
  let metrics: MetricsAccumulator | undefined;
  let done = 0;
  for await (const batch of source.batches(0)) {
    signal?.throwIfAborted();
    const { images } = batchInputs(batch, source.size);
    const { logits } = await step.run({ images });
    metrics ??= new MetricsAccumulator(logits.shape[1]);
    metrics.add(logits.data as Float32Array, batch.labels);
    done += batch.labels.length;
    onBatch?.(done);
  }
  check(metrics, 'missing', () => 'There is nothing to evaluate on: the split is empty.');
  return metrics.result();
}
