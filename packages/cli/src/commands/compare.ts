import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { check, PeftError } from '@peft/core';
import { probeWritable, writeAtomic } from '@peft/core/node';
import type { Arguments } from '../arguments.ts';
import { type ComparedMethod, type Runs, summarize } from '../compared-method.ts';
import { type RunData, withData } from '../data.ts';
import { interruptible } from '../interrupt.ts';
import { argumentsFor, methodsOf } from '../methods-argument.ts';
import type { Output } from '../output/output.ts';
import { renderReport } from '../output/report.ts';
import { resultRows, resultTable } from '../output/result-table.ts';
import { runTraining } from '../training.ts';

const isEmpty = async (folder: string): Promise<boolean> => (await readdir(folder).catch(() => [])).length === 0;

/**
 * Trains several methods on one data set under one budget, and writes an HTML report. A failure or an interrupt leaves the adapters,
 * the checkpoints and a report of the finished runs.
 */
export async function compare(args: Arguments, output: Output): Promise<void> {
  const methods = methodsOf(args);
  const path = args.report;
  const isFolder = await stat(path).then(
    found => found.isDirectory(),
    () => false,
  );
  check(!isFolder, 'bad-argument', () => `--report ${path} is a folder; name the file to write.`);
  await probeWritable(dirname(path));
  const compared = await withData(args, output, async data => {
    const title = `${args.backbone} on ${data.train.name}`;
    const write = (done: ComparedMethod[]): Promise<void> =>
      writeAtomic(path, renderReport({ title, classes: data.train.classes, methods: done }));
    const folder = args.out ?? (await mkdtemp(join(tmpdir(), 'peft-compare-')));
    const runs = new Map<string, Runs>();
    try {
      await interruptible(output, signal => runAll(methods, runs, args, data, { folder, signal }, output));
    } catch (cause) {
      const done = summarizeAll(runs);
      if (done.length > 0) await write(done);
      if (args.out === undefined && (await isEmpty(folder))) await rm(folder, { recursive: true, force: true });
      if (!(cause instanceof PeftError) || (await isEmpty(folder))) throw cause;
      throw new PeftError(cause.code, `${cause.message}\n${whatIsKept(folder, done, path)}`, { cause });
    }
    const done = summarizeAll(runs);
    await write(done);
    if (args.out === undefined) await rm(folder, { recursive: true, force: true });
    return done;
  });
  const rows = resultRows(compared);
  output.answer(`${resultTable(compared)}\nreport written to ${path}`, { rows, report: path });
}

/** Runs all, one after the other, each with its own backbone and engine, so that no run affects another. */
async function runAll(
  methods: readonly string[],
  runs: Map<string, Runs>,
  args: Arguments,
  data: RunData,
  { folder, signal }: { folder: string; signal: AbortSignal },
  output: Output,
): Promise<void> {
  for (const method of methods) {
    for (let seed = args.seed; seed < args.seed + (args.seeds ?? 1); seed++) {
      signal.throwIfAborted();
      const place = { folder: join(folder, `${method}-${seed}`), signal, keepFinished: args.resume !== false };
      const { result } = await runTraining({ ...argumentsFor(method, args), seed }, data, place, output);
      const before = runs.get(method);
      runs.set(method, before ? [...before, result] : [result]);
    }
  }
}

const summarizeAll = (runs: ReadonlyMap<string, Runs>): ComparedMethod[] =>
  [...runs].map(([method, results]) => summarize(method, results));

function whatIsKept(folder: string, done: readonly ComparedMethod[], report: string): string {
  const names = done.map(({ method, runs }) => `${method} (${runs.length})`).join(', ');
  const finished = done.length > 0 ? `Finished runs: ${names}; their report is ${report}. ` : '';
  return `${finished}Adapters and checkpoints are in ${folder}; go on with --out ${folder} --resume.`;
}
