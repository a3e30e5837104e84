import { type BatchSource, type CompiledStep, check, dims, type ModelInput } from '@peft/core';
import type * as tf from '@tensorflow/tfjs-core';
import { inputOf } from './forward.ts';
import { type Metrics, MetricsAccumulator } from './metrics.ts';

/**
 * Runs a compiled {@link evaluationStep} over a source.
 *
 * @param onBatch called with the number of samples done
 */
export async function evaluate(
  step: CompiledStep<ModelInput<tf.Tensor>, { logits: tf.Tensor }>,
  source: BatchSource,
  { onBatch, signal }: { onBatch?: (done: number) => void; signal?: AbortSignal } = {},
): Promise<Metrics> {
  let metrics: MetricsAccumulator | undefined;
  let done = 0;
  for await (const batch of source.batches(0)) {
    signal?.throwIfAborted();
    const { logits } = await step.run(inputOf(batch));
    const labels = batch.labels.data;
    metrics ??= new MetricsAccumulator(dims(logits, 2)[1]);
    metrics.add(logits.data as Float32Array, labels);
    done += labels.length;
    onBatch?.(done);
  }
  check(metrics, 'missing', () => 'There is nothing to evaluate on: the split is empty.');
  return metrics.result();
}
