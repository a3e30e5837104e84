import { type AdaptedModel, adapt, eagerEngine, initialize, key } from '@peft/core';
import { lora } from '@peft/lora';
import { brightestChannel } from '@peft/testing';
import { Trainer, type TrainerOptions } from '../src/index.ts';
import { Net } from './net.ts';

/** A run of a tiny model: dropout, stochastic depth, a trained head. */
export async function tinyRun(
  options: Partial<TrainerOptions> = {},
): Promise<{ model: AdaptedModel; trainer: Trainer }> {
  const model = adapt(initialize(new Net(), key(5)));
  const method = lora({ targets: ['body'], r: 2, dropout: 0.1, modulesToSave: ['head'] });
  await model.add('default', method, { key: key(6) });
  const source = brightestChannel({ side: 2 });
  const defaults = { model, engine: eagerEngine(), source, optimizer: { lr: 0.02 }, epochs: 40, seed: 1 };
  return { model, trainer: new Trainer({ ...defaults, ...options }) };
}
