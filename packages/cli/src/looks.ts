import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PeftError } from '@peft/core';
import { writeAtomic } from '@peft/core/node';
import type { RunEvent } from '@peft/run';
import type { Evaluation } from '@peft/vtab';

/** The looks of a run at the test set, in a file beside its checkpoints, so that a run that is resumed keeps them. */
export class Looks {
  readonly #path: string;

  constructor(folder: string) {
    this.#path = join(folder, 'looks.json');
  }

  /** The looks so far, by epoch. */
  async read(): Promise<Evaluation[]> {
    const text = await readFile(this.#path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '[]';
      throw error;
    });
    try {
      return JSON.parse(text) as Evaluation[];
    } catch (cause) {
      throw new PeftError('bad-file', `${this.#path} is damaged; delete the folder to run the task again.`, { cause });
    }
  }

  /** Notes the look that an event tells of. Looks at later epochs than that are forgotten: the run was resumed before them. */
  async note(event: RunEvent): Promise<void> {
    if (event.type !== 'watched' || !event.metrics) return;
    const look = { epoch: event.epoch + 1, accuracy: event.metrics.accuracy };
    const before = (await this.read()).filter(({ epoch }) => epoch < look.epoch);
    await writeAtomic(this.#path, JSON.stringify([...before, look]));
  }
}
