import { join } from 'node:path';
import { check } from '@peft/core';
import { writeAtomic } from '@peft/core/node';
import type { RunEvent, RunRecord } from '@peft/run';
import type { Arguments } from './arguments.ts';
import { LastData } from './data.ts';
import { interruptible } from './interrupt.ts';
import type { Output } from './output/output.ts';
import { runTraining } from './training.ts';

/** A run of a benchmark. */
export interface BenchmarkRun {
  /** For progress lines. */
  readonly name: string;
  /** The folder of its adapter, its record and its checkpoints. */
  readonly folder: string;
  readonly args: Arguments;
  /** The classes that its data must have, where the benchmark says. */
  readonly classes?: number;
  /** Epochs between two looks at the test set; none unless given. */
  readonly lookEvery?: number;
  /** Called with each event of the run, and awaited. */
  readonly onEvent?: (event: RunEvent) => Promise<void>;
  /** Called with its record. */
  finished(record: RunRecord): Promise<void>;
}

/** What a benchmark comes to, in each form. */
export interface Tables {
  readonly markdown: string;
  readonly latex: string;
  /** A page of HTML that needs no other file. */
  readonly page: string;
  /** The rows as data. */
  readonly rows: readonly object[];
}

/** Writes tables beside `results.jsonl`, and shows them. */
export async function writeTables(folder: string, tables: Tables, output: Output): Promise<void> {
  const { markdown, latex, page, rows } = tables;
  await writeAtomic(join(folder, 'table.md'), `${markdown}\n`);
  await writeAtomic(join(folder, 'table.tex'), `${latex}\n`);
  await writeAtomic(join(folder, 'report.html'), page);
  output.answer(`${markdown}\n\nwritten to ${folder}: results.jsonl, table.md, table.tex, report.html`, {
    rows,
    folder,
  });
}

/** Trains the runs one after another. A run that is there already is not repeated, and one that was interrupted goes on. */
export async function trainAll(runs: readonly BenchmarkRun[], output: Output): Promise<void> {
  const datasets = new LastData(output);
  try {
    await interruptible(output, async signal => {
      for (const [i, { name, folder, args, classes, lookEvery, onEvent, finished }] of runs.entries()) {
        signal.throwIfAborted();
        output.note(`${i + 1} of ${runs.length}: ${name}`);
        const data = await datasets.open(args);
        const found = data.train.classes.length;
        check(classes === undefined || classes === found, 'bad-file', () => {
          return `${args.data} has ${found} classes; the benchmark's has ${classes}. Is it another data set of that name?`;
        });
        const watch = lookEvery ? { validation: data.test, every: lookEvery } : undefined;
        const options = { folder, signal, keepFinished: true, watch, onEvent };
        await finished(await runTraining({ ...args, resume: true }, data, options, output));
      }
    });
  } finally {
    await datasets.close();
  }
}
