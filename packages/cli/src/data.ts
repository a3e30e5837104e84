import type { Dataset } from '@peft/data';
import type { Watch } from '@peft/run';
import { openPictures } from '@peft/run/node';
import { type Arguments, required } from './arguments.ts';
import type { Output } from './output/output.ts';

export interface RunData {
  readonly train: Dataset;
  readonly test: Dataset;
  /** The validation pictures, if their split is named. */
  readonly watch?: Watch;
}

/** Opens a split of `--data`, and reports the files that are left out. */
export async function openData(args: Arguments, split: string, output: Output, minClasses = 2): Promise<Dataset> {
  required(args, 'data');
  return openPictures(args, split, { minClasses, notice: text => output.note(text) });
}

/** Runs `body` with the splits to train on, to evaluate on, and to choose by, then closes them. */
export async function withData<T>(args: Arguments, output: Output, body: (data: RunData) => Promise<T>): Promise<T> {
  const opened: Dataset[] = [];
  const open = async (split: string): Promise<Dataset> => {
    const dataset = await openData(args, split, output);
    opened.push(dataset);
    return dataset;
  };
  try {
    const train = await open(args.split ?? 'train');
    const test = await open(args.evalSplit ?? 'test');
    if (args.valSplit === undefined) return await body({ train, test });
    return await body({ train, test, watch: { validation: await open(args.valSplit) } });
  } finally {
    await Promise.all(opened.map(dataset => dataset.close?.()));
  }
}
