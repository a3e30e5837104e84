import { follow } from '@peft/testing';
import { expect } from 'vitest';
import type { PearOptions } from '../src/index.ts';
import { type Backbone, batches, evaluated, found, setUp } from './tiny.ts';

/** Stopped before and after the prune and resumed, a run has the losses, bytes and findings of one that was not stopped. */
export async function expectResumedAlike(backbone: Backbone, options: PearOptions): Promise<void> {
  const whole = await setUp(backbone, options);
  const { losses } = await follow(whole.trainer);
  const bytes = await whole.trainer.checkpoint();
  expect(new Set(losses).size).toBe(12);
  for (const stop of [3, 6]) {
    const first = await setUp(backbone, options);
    const before = await follow(first.trainer, stop);
    const second = await setUp(backbone, options);
    await second.trainer.restore(await first.trainer.checkpoint());
    const after = await follow(second.trainer);
    expect([...before.losses, ...after.losses]).toEqual(losses);
    expect(await second.trainer.checkpoint()).toEqual(bytes);
    expect(found(second.model)).toEqual(found(whole.model));
  }
}

/** Pruning leaves the loss where it was. */
export async function expectNoJump(options: PearOptions): Promise<void> {
  const { model, trainer } = await setUp('vit', options);
  await follow(trainer, batches);
  const before = await evaluated(model);
  for await (const event of trainer.run()) if (event.type === 'stage') break;
  expect(Object.keys(found(model).shared)).not.toHaveLength(0);
  expect(Math.abs((await evaluated(model)) - before)).toBeLessThan(1e-5);
}
