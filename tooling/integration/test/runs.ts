import type { Engine } from '@peft/core';
import { type Architecture, backbone, type Followed, follow } from '@peft/testing';
import { Trainer } from '@peft/train';
import { expect } from 'vitest';
import { methods, pictures, withAdapters } from './models.ts';

/** The losses of one method's steps, and the stages that it passed. The engine is disposed of. */
export async function train(
  engine: Engine,
  architecture: Architecture,
  name: string,
  { steps }: { steps: number },
): Promise<Followed> {
  const base = backbone(architecture);
  const model = await withAdapters(base, { default: methods[name]([...base.classifiers]) });
  const options = { model, engine, source: pictures(5), optimizer: { lr: 2e-3 }, steps, seed: 1 };
  const trainer = new Trainer(options);
  try {
    return await follow(trainer);
  } finally {
    await trainer.dispose();
    model.dispose();
    await engine.dispose();
  }
}

/** float32 sums in another order drift apart as weights move; 1e-3 is what a user would not see. */
export function expectSameLosses(found: Followed, expected: Followed): void {
  expect(found.stages).toEqual(expected.stages);
  expect(found.losses.length).toBe(expected.losses.length);
  for (const [step, loss] of expected.losses.entries()) {
    expect(Math.abs(found.losses[step] - loss), `step ${step}`).toBeLessThan(1e-3 * Math.max(loss, 0.1));
  }
}
