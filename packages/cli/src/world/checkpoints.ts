import { type JsonObject, PeftError } from '@peft/core';
import { describeDifference, type Trainer } from '@peft/train';
import { findCheckpoint, saveCheckpoint } from '@peft/train/node';
import type { Arguments } from '../arguments.ts';
import type { Output } from '../output/output.ts';

/** The checkpoints of a run in its folder. */
export class RunCheckpoints {
  readonly recipe: JsonObject;
  /** What differs from the run that this one was forced to go on from. */
  differences: readonly string[] | undefined;
  readonly #folder: string;

  /** @param recipe all that a run must share with a checkpoint to go on from it */
  constructor(folder: string, recipe: JsonObject) {
    this.#folder = folder;
    this.recipe = recipe;
  }

  /** Restores the newest intact checkpoint, if `resume` asks for it and there is one. */
  async restore(trainer: Trainer, resume: Arguments['resume'], output: Output): Promise<void> {
    if (!resume) return;
    const found = await findCheckpoint(this.#folder);
    if (!found) {
      output.note(`There is no checkpoint in ${this.#folder}: the run starts from the beginning.`);
      return;
    }
    for (const problem of found.passedOver) output.note(`Passed over: ${problem}`);
    const force = resume === 'force';
    const differences = await trainer.restore(found.bytes, found.path, { force });
    output.note(`Going on from ${found.path}, after step ${trainer.step}.`);
    if (differences.length > 0) this.differences = differences.map(describeDifference);
    for (const difference of this.differences ?? []) output.note(`Forced: ${difference}`);
  }

  async save(trainer: Trainer): Promise<void> {
    await saveCheckpoint(trainer, this.#folder);
  }

  /** Saves a run that is interrupted, and throws. */
  async stop(trainer: Trainer): Promise<never> {
    const path = await saveCheckpoint(trainer, this.#folder);
    throw new PeftError('state', `Interrupted after step ${trainer.step}; ${path} is saved. Go on with --resume.`);
  }
}
