import type { Dataset } from '@peft/data';
import { openPictures } from '@peft/run/node';
import { type Arguments, required } from './arguments.ts';
import type { Output } from './output/output.ts';

export interface RunData {
  readonly train: Dataset;
  readonly test: Dataset;
}

/** Opens a split of `--data`, and reports the files that are left out. */
export async function openData(args: Arguments, split: string, output: Output, minClasses = 2): Promise<Dataset> {
  required(args, 'data');
  return openPictures(args, split, { minClasses, notice: text => output.note(text) });
}

/** Runs `body` with the splits to train and to evaluate on, then closes them. */
export async function withData<T>(args: Arguments, output: Output, body: (data: RunData) => Promise<T>): Promise<T> {
  const train = await openData(args, args.split ?? 'train', output);
  try {
    const test = await openData(args, args.evalSplit ?? 'test', output);
    try {
      return await body({ train, test });
    } finally {
      await test.close?.();
    }
  } finally {
    await train.close?.();
  }
}
