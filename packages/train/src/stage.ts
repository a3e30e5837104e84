import {
  type AdaptedModel,
  type Adapter,
  type BatchSource,
  type CompiledStep,
  dims,
  type Engine,
  type HostTensors,
  type Step,
  softmaxCrossEntropy,
} from '@peft/core';
import { gateGradients, withScope } from '@peft/core/engine';
import type { Aggregation, Stage } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import { forwardOf, inputOf, type ModelSplit } from './forward.ts';
import type { BatchTensors } from './step.ts';
import { sum } from './sum.ts';

/** The next stage of an adapter; none if the user froze all of its parameters. */
export function stageOf(adapter: Adapter): Stage | undefined {
  const own = [...adapter.parameters()].map(([, parameter]) => parameter).filter(({ fixed }) => !fixed);
  return own.length === 0 || own.some(({ trainable }) => trainable) ? adapter.method.stage : undefined;
}

/** The derivatives of the mean cross entropy with respect to a stage's gates, in evaluation mode: `[B, G]` by target. */
function scoringStep(
  model: AdaptedModel,
  adapter: Adapter,
  stage: Stage,
  split: ModelSplit | undefined,
): Step<BatchTensors> {
  const forward = forwardOf(model, split);
  return batch => {
    const loss = (): tf.Scalar => tf.mean(softmaxCrossEntropy(forward(batch), batch.labels));
    return withScope({ training: false }, () => gateGradients(model, adapter, stage, batch.labels.shape[0], loss));
  };
}

/** The contribution of a batch's derivatives, one for each sample, to a gate's score. */
const contributions: Record<Aggregation, (parts: number[]) => number> = {
  batch: parts => Math.abs(sum(parts)),
  sample: parts => sum(parts.map(Math.abs)),
  none: parts => sum(parts),
  square: parts => sum(parts) ** 2,
};

function addBatch(scores: Map<string, Float64Array>, gradients: HostTensors, aggregation: Aggregation): void {
  for (const [id, gradient] of Object.entries(gradients)) {
    const { data } = gradient;
    const [batch, groups] = dims(gradient, 2);
    const score = scores.get(id) ?? new Float64Array(groups);
    for (let group = 0; group < groups; group++) {
      const parts = Array.from({ length: batch }, (_, sample) => data[sample * groups + group]!);
      score[group]! += contributions[aggregation](parts);
    }
    scores.set(id, score);
  }
}

async function scoreBatches(
  step: CompiledStep<BatchTensors>,
  stage: Stage,
  source: BatchSource,
): Promise<Map<string, Float64Array>> {
  const { aggregation = 'batch', batches = Number.POSITIVE_INFINITY } = stage;
  const scores = new Map<string, Float64Array>();
  let scored = 0;
  for await (const batch of source.batches(0)) {
    addBatch(scores, await step.run({ ...inputOf(batch), labels: batch.labels }), aggregation);
    scored++;
    if (scored >= Math.min(batches, source.length)) break;
  }
  return scores;
}

/**
 * Passes the next stage of an adapter: scores it over the batches of one epoch, in evaluation, and lets it go on as what it
 * becomes. The trainer does this when the stage is due; call it yourself in a loop of your own, and make the optimizer and
 * the steps anew after it.
 */
export async function passStage(
  model: AdaptedModel,
  adapter: Adapter,
  stage: Stage,
  { engine, source, split }: { engine: Engine; source: BatchSource; split?: ModelSplit },
): Promise<Adapter> {
  let scores = new Map<string, Float64Array>();
  if (stage.gate) {
    const step = engine.compile(scoringStep(model, adapter, stage, split));
    try {
      scores = await scoreBatches(step, stage, source);
    } finally {
      await step.dispose();
    }
  }
  await engine.sync();
  const succession = stage.next(scores, await adapter.targetValues());
  const successor = await model.replace(adapter.name, succession);
  engine.invalidate();
  return successor;
}
