import { join } from 'node:path';
import { probeWritable } from '@peft/core/node';
import { evaluateEvery, latexTable, markdownTable, published, summarize, vtabEntries, vtabRecipe } from '@peft/vtab';
import { addResult, type FoundTask, findTasks, readResults } from '@peft/vtab/node';
import { type Arguments, required, UsageError } from '../arguments.ts';
import { type BenchmarkRun, trainAll, writeTables } from '../benchmark.ts';
import { Looks } from '../looks.ts';
import { argumentsFor, methodsOf } from '../methods-argument.ts';
import type { Output } from '../output/output.ts';
import { renderVtab } from '../output/vtab-report.ts';

/**
 * Runs the protocol of VTAB-1K: each method on each task, with one line of `results.jsonl` for each run, and tables of all lines.
 * A run that is there already is not repeated, and one that was interrupted goes on.
 */
export async function vtab(args: Arguments, root: string | undefined, output: Output): Promise<void> {
  if (root === undefined) throw new UsageError('Give the folder that holds the tasks: peft vtab ROOT.');
  const backbone = required(args, 'backbone');
  const methods = methodsOf(args);
  const { found, missing } = await findTasks(root, args.tasks);
  if (missing.length > 0) output.note(`Not in ${root}: ${missing.join(', ')}`);
  const folder = args.out ?? 'vtab';
  await probeWritable(folder);
  const results = join(folder, 'results.jsonl');
  const seeds = Array.from({ length: args.seeds ?? 1 }, (_, i) => args.seed + i);
  const runs = found.flatMap(task =>
    methods.flatMap(method => seeds.map(seed => runOf({ task, method, seed }, args, folder, results))),
  );
  await trainAll(runs, output);
  const names = new Set(found.map(({ name }) => name));
  const entries = (await readResults(results, vtabEntries)).filter(
    ({ protocol, method, task }) => protocol === args.protocol && methods.includes(method) && names.has(task),
  );
  const rows = summarize(entries);
  const report = { protocol: args.protocol, rows, published };
  const page = renderVtab({ ...report, entries, backbone });
  await writeTables(folder, { markdown: markdownTable(report), latex: latexTable(report), page, rows }, output);
}

/** What one run of the benchmark is of. */
interface Job {
  readonly task: FoundTask;
  readonly method: string;
  readonly seed: number;
}

function runOf({ task, method, seed }: Job, args: Arguments, folder: string, results: string): BenchmarkRun {
  const { protocol } = args;
  const own = { ...argumentsFor(method, args), data: task.folder, seed };
  const place = join(folder, protocol, task.name, `${method}-${seed}`);
  const looks = new Looks(place);
  return {
    name: `${task.name}, ${method}, seed ${seed}`,
    folder: place,
    args: { ...own, ...vtabRecipe(protocol, own) } as Arguments,
    classes: task.task?.classes,
    lookEvery: evaluateEvery,
    onEvent: event => looks.note(event),
    finished: async record => {
      const entry = { task: task.name, method, seed, protocol, evaluations: await looks.read(), record };
      await addResult(results, entry, vtabEntries);
    },
  };
}
