import { onnxEngine } from '@peft/compile';
import { type Engine, eagerEngine } from '@peft/core';
import { architectures, backbone, follow } from '@peft/testing';
import { Trainer } from '@peft/train';
import { describe, expect, test } from 'vitest';
import { methods, pictures, withAdapters } from './models.ts';

/** The losses of fifty steps of one method, and the stages that it passed. */
async function train(engine: Engine, architecture: (typeof architectures)[number], name: string) {
  const base = backbone(architecture);
  const model = await withAdapters(base, { default: methods[name]([...base.classifiers]) });
  const options = { model, engine, source: pictures(5), optimizer: { lr: 2e-3 }, steps: 50, seed: 1 };
  const trainer = new Trainer(options);
  try {
    return await follow(trainer);
  } finally {
    await trainer.dispose();
    model.dispose();
    await engine.dispose();
  }
}

describe.each(architectures)('on %s', architecture => {
  test.each(Object.keys(methods))('%s has the same losses on every engine', async name => {
    const eager = await train(eagerEngine(), architecture, name);
    const compiled = await train(await onnxEngine({ threads: 1 }), architecture, name);
    expect(eager.losses.length).toBe(50);
    expect(compiled.stages).toEqual(eager.stages);
    expect(eager.stages.length).toBe(name === 'heat' || name === 'pear' ? 1 : 0);
    expect(eager.losses.at(-1)).toBeLessThan(0.65 * eager.losses[0]);
    // float32 sums in another order drift apart as weights move; 1e-3 is what a user would not see
    for (const [step, loss] of eager.losses.entries()) {
      expect(Math.abs(compiled.losses[step] - loss), `step ${step}`).toBeLessThan(1e-3 * Math.max(loss, 0.1));
    }
  });
});
