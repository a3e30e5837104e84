import type { AdaptedModel } from '@peft/core';
import { gateGradients, withScope } from '@peft/core/engine';
import { type MethodRecord, methodRecord, type Scores, type Stage } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { loss } from '../loss.ts';
import { moved, output, type Subject } from '../subject.ts';
import { checkEngines } from './engines.ts';
import { checkFiles } from './files.ts';
import { checkMemory } from './memory.ts';
import { checkMerging } from './merging.ts';
import { checkRemoval } from './removal.ts';

/** By each gate, what the loss of the one batch that there is would lose without it. */
async function scoresOf(subject: Subject, model: AdaptedModel, stage: Stage): Promise<Scores> {
  if (!stage.gate) return new Map();
  const sums = tf.tidy(() => {
    const x = subject.input();
    const gradients = withScope({ training: false }, () =>
      gateGradients(model, model.get('default'), stage, x.shape[0], () => loss(model, x)),
    );
    return Object.entries(gradients).map(([id, gradient]) => [id, tf.abs(tf.sum(gradient, 0))] as const);
  });
  const read = async ([id, sum]: readonly [string, tf.Tensor]) => {
    const score = Float64Array.from(await sum.data());
    sum.dispose();
    return [id, score] as const;
  };
  return new Map(await Promise.all(sums.map(read)));
}

/** The subject at its stage, trained until then, with the scores that it is given there. */
async function atStage(subject: Subject) {
  const model = await moved(subject);
  const { stage } = model.get('default').method;
  if (!stage) throw new Error('The method has no stage.');
  const scores = await scoresOf(subject, model, stage);
  return { model, stage, scores, values: await model.get('default').targetValues() };
}

/** The subject as what its stage leaves. */
export const settled = (subject: Subject): Subject => ({
  ...subject,
  async attach() {
    const { model, stage, scores, values } = await atStage(subject);
    await model.replace('default', stage.next(scores, values));
    return model;
  },
});

/** A record as a checkpoint holds it. */
const stored = (record: MethodRecord): MethodRecord => JSON.parse(JSON.stringify(record));

/** Stages, of methods that have them. */
export function checkStage(subject: Subject): void {
  describe('at its stage', () => {
    test('the same follows from the same scores, and is made again from its record', async () => {
      const { model, stage, scores, values } = await atStage(subject);
      expect(stage.after(10)).toBeGreaterThanOrEqual(0);
      const next = stage.next(scores, values);
      const record = methodRecord(next.method);
      expect(record).not.toEqual(methodRecord(model.get('default').method));
      const other = stage.next(scores, values);
      expect([methodRecord(other.method), other.values]).toEqual([record, next.values]);
      expect(methodRecord(stage.resume(stored(record).findings ?? {}))).toEqual(record);
      await model.replace('default', next);
      expect(await output(subject, model)).toEqual(await output(subject, await settled(subject).attach()));
    });

    checkRemoval(settled(subject));
    checkMerging(settled(subject));
    checkFiles(settled(subject));
    checkEngines(settled(subject));
    checkMemory(settled(subject));
  });
}
