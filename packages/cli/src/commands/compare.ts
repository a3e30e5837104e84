import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from '@peft/core';
import { writeAtomic } from '@peft/core/node';
import type { Dataset } from '@peft/data';
import { openDataset } from '@peft/data/node';
import { type Arguments, required } from '../arguments.ts';
import { methodEntry } from '../methods.ts';
import type { Output } from '../output/output.ts';
import { renderReport } from '../output/report.ts';
import { bytes, count, percent, table } from '../output/table.ts';
import { openEngine } from '../world/engine.ts';
import { type FitResult, fit } from '../world/fit.ts';
import { interruptible } from '../world/interrupt.ts';
import { openBase } from '../world/model.ts';

/** One method's runs, one a seed. */
export interface ComparedMethod {
  method: string;
  runs: FitResult[];
  meanAccuracy: number;
  /** Sample standard deviation over the seeds; 0 for one. */
  deviation: number;
}

function summarise(method: string, runs: FitResult[]): ComparedMethod {
  const accuracies = runs.map(({ metrics }) => metrics.accuracy);
  const meanAccuracy = accuracies.reduce((sum, accuracy) => sum + accuracy, 0) / accuracies.length;
  const squares = accuracies.reduce((sum, accuracy) => sum + (accuracy - meanAccuracy) ** 2, 0);
  return { method, runs, meanAccuracy, deviation: Math.sqrt(squares / Math.max(1, accuracies.length - 1)) };
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const resultTable = (methods: ComparedMethod[]): string =>
  table(
    ['method', 'accuracy', 'trainable', 'adapter', 'seconds', 'ms/step'],
    methods.map(({ method, runs, meanAccuracy, deviation }) => [
      method,
      percent(meanAccuracy) + (runs.length > 1 ? ` ± ${(100 * deviation).toFixed(1)}` : ''),
      count(runs[0].trainable),
      bytes(runs[0].bytes),
      mean(runs.map(({ seconds }) => seconds)).toFixed(1),
      mean(runs.map(({ stepMs }) => stepMs)).toFixed(0),
    ]),
  );

/** Several methods on one data set under one budget, and an HTML report of what came of it. */
export async function compare(args: Arguments, output: Output): Promise<void> {
  const methods = (args.methods ?? ['linear', 'lora']).flatMap(list => list.split(','));
  for (const name of Object.keys(args.each ?? {}))
    check(methods.includes(name), 'bad-argument', () => `each has "${name}", which is not among the methods compared.`);
  const data = required(args, 'data');
  const train = await openDataset(data, args.split ?? 'train', { seed: args.seed });
  const test = await openDataset(data, args.evalSplit ?? 'test', { seed: args.seed });
  const scratch = args.out === undefined ? await mkdtemp(join(tmpdir(), 'peft-compare-')) : undefined;
  const folder = args.out ?? (scratch as string);
  try {
    const compared: ComparedMethod[] = [];
    await interruptible(output, async signal => {
      for (const method of methods) {
        const runs: FitResult[] = [];
        for (let i = 0; i < args.seeds; i++) {
          const seed = args.seed + i;
          runs.push(
            await runOne(
              { ...argumentsFor(method, args), seed },
              { train, test },
              join(folder, `${method}-${seed}`),
              output,
              signal,
            ),
          );
        }
        compared.push(summarise(method, runs));
      }
    });
    const path = args.report ?? 'peft-report.html';
    await writeAtomic(
      path,
      renderReport({ title: `${args.backbone} on ${train.name}`, classes: train.classes, methods: compared }),
    );
    const rows = compared.map(({ runs, ...row }) => ({
      ...row,
      trainable: runs[0].trainable,
      bytes: runs[0].bytes,
      runs: runs.map(({ metrics, losses, epochs, seconds, stepMs }) => ({
        accuracy: metrics.accuracy,
        losses,
        epochs,
        seconds,
        stepMs,
      })),
    }));
    output.answer(`${resultTable(compared)}\nreport written to ${path}`, { rows, report: path });
  } finally {
    if (scratch) await rm(scratch, { recursive: true, force: true });
    await Promise.all([train.close?.(), test.close?.()]);
  }
}

/**
 * The arguments of one method: those of all, then its own. Baselines that train whole modules have no targets and no
 * options to set.
 */
function argumentsFor(method: string, args: Arguments): Arguments & { method: string } {
  const isWhole = methodEntry(method).factory.type === 'whole';
  const { targets, set } = isWhole ? {} : args;
  const own = args.each?.[method];
  return { ...args, targets, ...own, set: { ...set, ...own?.set }, method };
}

/** Every run has a backbone and an engine of its own, so that none leans on another. */
async function runOne(
  args: Arguments & { method: string },
  data: { train: Dataset; test: Dataset },
  folder: string,
  output: Output,
  signal: AbortSignal,
): Promise<FitResult> {
  const engine = await openEngine(args, output);
  const opened = await openBase(args, { classes: data.train.classes.length, dataset: data.train }, output);
  try {
    return await fit(args, opened, data, engine, folder, output, signal);
  } finally {
    await engine.dispose();
    opened.model.dispose();
  }
}
