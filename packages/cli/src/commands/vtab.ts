import { join } from 'node:path';
import { check } from '@peft/core';
import { probeWritable, writeAtomic } from '@peft/core/node';
import { evaluateEvery, latexTable, markdownTable, published, summarize, type VtabEntry, vtabRecipe } from '@peft/vtab';
import { addResult, type FoundTask, findTasks, readResults } from '@peft/vtab/node';
import { type Arguments, required, UsageError } from '../arguments.ts';
import { withData } from '../data.ts';
import { interruptible } from '../interrupt.ts';
import { Looks } from '../looks.ts';
import { argumentsFor, methodsOf } from '../methods-argument.ts';
import type { Output } from '../output/output.ts';
import { renderVtab } from '../output/vtab-report.ts';
import { runTraining } from '../training.ts';

/** Everything that one run of the benchmark is told. */
interface Job {
  readonly task: FoundTask;
  readonly method: string;
  readonly seed: number;
}

/**
 * Runs the protocol of VTAB-1K: each method on each task, with one line of `results.jsonl` for each run, and tables of all lines.
 * A run that is there already is not repeated, and one that was interrupted goes on.
 */
export async function vtab(args: Arguments, root: string | undefined, output: Output): Promise<void> {
  if (root === undefined) throw new UsageError('Give the folder that holds the tasks: peft vtab ROOT.');
  required(args, 'backbone');
  const methods = methodsOf(args);
  const named = args.tasks?.flatMap(list => list.split(','));
  const { found, missing } = await findTasks(root, named);
  if (missing.length > 0) output.note(`Not in ${root}: ${missing.join(', ')}`);
  const folder = args.out ?? 'vtab';
  await probeWritable(folder);
  const results = join(folder, 'results.jsonl');
  const jobs = found.flatMap(task =>
    methods.flatMap(method => Array.from({ length: args.seeds }, (_, i) => ({ task, method, seed: args.seed + i }))),
  );
  await interruptible(output, async signal => {
    for (const [i, job] of jobs.entries()) {
      signal.throwIfAborted();
      output.note(`${i + 1} of ${jobs.length}: ${job.task.name}, ${job.method}, seed ${job.seed}`);
      await addResult(results, await runJob(job, args, { folder, signal }, output));
    }
  });
  const names = new Set(found.map(({ name }) => name));
  const entries = (await readResults(results)).filter(
    ({ protocol, method, task }) => protocol === args.protocol && methods.includes(method) && names.has(task),
  );
  await writeTables(entries, args, folder, output);
}

async function runJob(
  { task, method, seed }: Job,
  args: Arguments,
  { folder, signal }: { folder: string; signal: AbortSignal },
  output: Output,
): Promise<VtabEntry> {
  const { protocol } = args;
  const own = { ...argumentsFor(method, args), data: task.folder, seed };
  const whole = { ...own, ...vtabRecipe(protocol, own), resume: true } as Arguments;
  const place = join(folder, protocol, task.name, `${method}-${seed}`);
  const looks = new Looks(place);
  const record = await withData(whole, output, async data => {
    const { task: known, name } = task;
    const { classes } = data.train;
    check(!known || known.classes === classes.length, 'bad-file', () => {
      return `${task.folder} has ${classes.length} classes; VTAB-1K's ${name} has ${known?.classes}. Is it another data set of that name?`;
    });
    const watch = { validation: data.test, every: evaluateEvery };
    const options = { folder: place, signal, keepFinished: true, watch, onEvent: looks.note.bind(looks) };
    return runTraining(whole, data, options, output);
  });
  return { task: task.name, method, seed, protocol, evaluations: await looks.read(), record };
}

/** Writes the table as Markdown, LaTeX and a page, and shows it. */
async function writeTables(
  entries: readonly VtabEntry[],
  { protocol, backbone }: Arguments,
  folder: string,
  output: Output,
): Promise<void> {
  const rows = summarize(entries);
  const report = { protocol, rows, published };
  const markdown = markdownTable(report);
  await writeAtomic(join(folder, 'table.md'), `${markdown}\n`);
  await writeAtomic(join(folder, 'table.tex'), `${latexTable(report)}\n`);
  await writeAtomic(join(folder, 'report.html'), renderVtab({ ...report, entries, backbone: backbone ?? '' }));
  output.answer(`${markdown}\n\nwritten to ${folder}: results.jsonl, table.md, table.tex, report.html`, {
    rows,
    folder,
  });
}
