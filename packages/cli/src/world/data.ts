import { type Dataset, remarks } from '@peft/data';
import { openDataset } from '@peft/data/node';
import { type Arguments, required } from '../arguments.ts';
import type { Output } from '../output/output.ts';
import type { RunData } from './run.ts';

/** Opens a split of `--data`, and says what of it is left out. */
export async function openData(args: Arguments, split: string, output: Output, minClasses = 2): Promise<Dataset> {
  const { seed, skipBroken, maxPixels } = args;
  const dataset = await openDataset(required(args, 'data'), split, { seed, skipBroken, maxPixels, minClasses });
  for (const remark of remarks(dataset)) output.note(`${dataset.name}: ${remark}`);
  return dataset;
}

/** Runs `body` with the splits to train and to evaluate on, which are closed afterwards. */
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
