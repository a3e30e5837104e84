import type { Dataset } from '@peft/data';
import type { Watch } from '@peft/run';
import { openPictures, picturesKey } from '@peft/run/node';
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

interface OpenedData {
  readonly data: RunData;
  close(): Promise<void>;
}

/** Opens the splits to train on, to evaluate on, and to choose by. */
async function openSplits(args: Arguments, output: Output): Promise<OpenedData> {
  const opened: Dataset[] = [];
  const open = async (split: string): Promise<Dataset> => {
    const dataset = await openData(args, split, output);
    opened.push(dataset);
    return dataset;
  };
  const close = async (): Promise<void> => {
    await Promise.all(opened.map(dataset => dataset.close?.()));
  };
  try {
    const train = await open(args.split ?? 'train');
    const test = await open(args.evalSplit ?? 'test');
    output.note(
      `Train: ${train.name}, ${train.size} pictures of ${train.classes.length} classes. Test: ${test.name}, ${test.size}.`,
    );
    if (args.valSplit === undefined) return { data: { train, test }, close };
    return { data: { train, test, watch: { validation: await open(args.valSplit) } }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Runs `body` with the splits to train on, to evaluate on, and to choose by, then closes them. */
export async function withData<T>(args: Arguments, output: Output, body: (data: RunData) => Promise<T>): Promise<T> {
  const { data, close } = await openSplits(args, output);
  try {
    return await body(data);
  } finally {
    await close();
  }
}

/** The data of runs that follow one another. What the next run needs too is not opened again. */
export class LastData {
  readonly #output: Output;
  #last: (OpenedData & { readonly key: string }) | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  async open(args: Arguments): Promise<RunData> {
    const key = picturesKey(args);
    if (this.#last?.key === key) return this.#last.data;
    await this.close();
    this.#last = { ...(await openSplits(args, this.#output)), key };
    return this.#last.data;
  }

  async close(): Promise<void> {
    const last = this.#last;
    this.#last = undefined;
    await last?.close();
  }
}
