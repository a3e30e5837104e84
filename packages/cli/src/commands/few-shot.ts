import { join } from 'node:path';
import { probeWritable } from '@peft/core/node';
import {
  fewShotEntries,
  fewShotLatex,
  fewShotMarkdown,
  fewShotRecipe,
  fewShotSeeds,
  shotCounts,
  summarizeFewShot,
} from '@peft/vtab';
import { addResult, type FoundFewShot, findFewShot, readResults } from '@peft/vtab/node';
import { type Arguments, required, UsageError } from '../arguments.ts';
import { type BenchmarkRun, trainAll, writeTables } from '../benchmark.ts';
import { argumentsFor, methodsOf } from '../methods-argument.ts';
import { renderFewShot } from '../output/few-shot-report.ts';
import type { Output } from '../output/output.ts';

/**
 * Runs the few-shot benchmark of fine-grained recognition: each method on each data set, with few pictures of each class. It keeps
 * one line of `results.jsonl` for each run, and tables of all lines. A run that is there already is not repeated, and one that was
 * interrupted goes on.
 */
export async function fewShot(args: Arguments, root: string | undefined, output: Output): Promise<void> {
  if (root === undefined) throw new UsageError('Give the folder that holds the data sets: peft few-shot ROOT.');
  const backbone = required(args, 'backbone');
  const methods = methodsOf(args);
  const counts = args.shotCounts ?? shotCounts;
  const wrong = counts.find(count => !(Number.isSafeInteger(count) && count > 0));
  if (wrong !== undefined) throw new UsageError(`--shot-counts has ${wrong}; each is an integer of 1 or more.`);
  const { found, missing } = await findFewShot(root, args.tasks);
  if (missing.length > 0) output.note(`Not in ${root}: ${missing.join(', ')}`);
  const folder = args.out ?? 'few-shot';
  await probeWritable(folder);
  const results = join(folder, 'results.jsonl');
  const seeds = Array.from({ length: args.seeds ?? fewShotSeeds }, (_, seed) => seed);
  const runs = found.flatMap(dataset =>
    counts.flatMap(shots =>
      seeds.flatMap(seed => methods.map(method => runOf({ dataset, shots, seed, method }, args, folder, results))),
    ),
  );
  await trainAll(runs, output);
  const names = new Set(found.map(({ name }) => name));
  const entries = (await readResults(results, fewShotEntries)).filter(
    ({ dataset, method, shots, seed }) =>
      names.has(dataset) && methods.includes(method) && counts.includes(shots) && seeds.includes(seed),
  );
  const rows = summarizeFewShot(entries);
  const page = renderFewShot(rows, backbone);
  await writeTables(folder, { markdown: fewShotMarkdown(rows), latex: fewShotLatex(rows), page, rows }, output);
}

/** What one run of the benchmark is of. */
interface Job {
  readonly dataset: FoundFewShot;
  readonly shots: number;
  readonly seed: number;
  readonly method: string;
}

function runOf({ dataset, shots, seed, method }: Job, args: Arguments, folder: string, results: string): BenchmarkRun {
  const own = { ...argumentsFor(method, args), data: dataset.folder };
  const { name } = dataset;
  return {
    name: `${name}, ${shots} of each class, ${method}, seed ${seed}`,
    folder: join(folder, name, `${method}-${shots}-${seed}`),
    args: { ...own, ...fewShotRecipe(shots, seed, own) } as Arguments,
    classes: dataset.classes,
    finished: record => addResult(results, { dataset: name, method, shots, seed, record }, fewShotEntries),
  };
}
