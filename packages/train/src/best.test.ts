import { adapt, initialize, key } from '@peft/core';
import { lora } from '@peft/lora';
import { brightestChannel } from '@peft/testing';
import { expect, test } from 'vitest';
import { Net } from '../test/net.ts';
import { adapterParameters } from './finite.ts';
import { Trainer } from './index.ts';

async function setUp(): Promise<Trainer> {
  const model = adapt(initialize(new Net(), key(5)));
  await model.add('default', lora({ targets: ['body'], r: 2, modulesToSave: ['head'] }), { key: key(6) });
  return new Trainer({ model, source: brightestChannel({ side: 2 }), optimizer: { lr: 0.02 }, epochs: 4, seed: 1 });
}

/** The accuracy and loss that an epoch is said to have. */
const scores = [
  { accuracy: 0.5, loss: 1 },
  { accuracy: 0.75, loss: 1 },
  { accuracy: 0.75, loss: 0.5 },
  { accuracy: 0.25, loss: 0.1 },
] as const;

const valuesOf = async ({ options: { model } }: Trainer): Promise<number[][]> =>
  Promise.all(adapterParameters(model).map(async ([, parameter]) => [...(await parameter.get())]));

/** Trains to the end, or to the end of an epoch. Returns the parameters after each epoch. */
async function train(trainer: Trainer, until = 4): Promise<number[][][]> {
  const after: number[][][] = [];
  for await (const event of trainer.run()) {
    if (event.type !== 'epoch') continue;
    const score = scores[event.epoch];
    if (score) await trainer.offerBest(score);
    after.push(await valuesOf(trainer));
    if (event.epoch + 1 === until) break;
  }
  return after;
}

test('the best moment has the highest accuracy, and of those the lowest loss; its parameters come back', async () => {
  const trainer = await setUp();
  const after = await train(trainer);
  expect(trainer.best).toEqual({ step: 12, accuracy: 0.75, loss: 0.5 });
  expect(await valuesOf(trainer)).toEqual(after[3]);
  await trainer.recallBest();
  expect(await valuesOf(trainer)).toEqual(after[2]);
});

test('a checkpoint holds the best moment', async () => {
  const [whole, first, second] = [await setUp(), await setUp(), await setUp()];
  const after = await train(whole);
  await train(first, 3);
  await second.restore(await first.checkpoint());
  expect(second.best).toEqual(whole.best);
  await train(second);
  await second.recallBest();
  expect(await valuesOf(second)).toEqual(after[2]);
});

test('a checkpoint without one leaves none', async () => {
  const [trainer, fresh] = [await setUp(), await setUp()];
  await trainer.offerBest({ accuracy: 1, loss: 0 });
  await trainer.restore(await fresh.checkpoint());
  expect(trainer.best).toBeUndefined();
});
