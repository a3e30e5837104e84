// The benchmark: peers beside ours in one run. It asserts nothing; goals stand beside the ratios.
import { basename } from 'node:path';
import { readIfThere, writeAtomic } from '@peft/core/node';
import { pythonMissing } from '@peft/reference/python';
import { sectionOf, withSection } from '@peft/scripts/markdown';
import { readArguments } from './arguments.ts';
import { cases } from './cases.ts';
import { sweepChart } from './chart.ts';
import { ModelFiles } from './files.ts';
import { load, machine, software } from './machine.ts';
import { measuresOf } from './measures.ts';
import { measureTable, renderPage } from './page.ts';
import { type CaseResult, runCase } from './run-case.ts';
import { runScaling } from './scaling.ts';
import { memoryTitle } from './soak/page.ts';

/** The page with the section on memory that the soak wrote into the one before. */
async function withMemory(page: string, path: string): Promise<string> {
  const before = await readIfThere(path);
  const section = before && sectionOf(new TextDecoder().decode(before), memoryTitle);
  return section ? withSection(page, memoryTitle, section) : page;
}

const note = (text: string): void => console.error(text);

const {
  cases: names,
  rounds,
  threads,
  out,
  json,
  given,
} = readArguments(process.argv.slice(2), process.env.INIT_CWD ?? process.cwd());
const loadBefore = load();
const torch = pythonMissing === undefined;
if (pythonMissing) note(`Without PyTorch: ${pythonMissing}`);

const results: CaseResult[] = [];
const files = await ModelFiles.open();
try {
  for (const each of cases.filter(({ id }) => names.includes(id))) {
    const started = performance.now();
    const result = await runCase(each, { rounds, threads, files, torch });
    results.push(result);
    note(`\n${each.title} (${((performance.now() - started) / 1000).toFixed(0)} s)\n${measureTable([result])}`);
  }
} finally {
  await files.remove();
}
const scaling = names.includes('scaling') ? await runScaling({ rounds, threads, torch }, note) : [];

const pictures = (out ?? 'benchmarks.md').replace(/\.md$/, '');
const picture = (id: string): string => `${pictures}-${id}.svg`;
const page = renderPage({
  command: `pnpm --filter @peft/bench bench ${given}`.trim(),
  machine: machine(),
  software: software(results),
  threads,
  load: loadBefore,
  torchMissing: pythonMissing,
  results,
  scaling,
  picture: id => basename(picture(id)),
});
if (json) {
  const numbers = { machine: machine(), threads, measures: results.flatMap(measuresOf) };
  await writeAtomic(json, `${JSON.stringify(numbers, null, 2)}\n`);
}
if (out) {
  await writeAtomic(out, await withMemory(page, out));
  for (const result of scaling) await writeAtomic(picture(result.sweep.id), sweepChart(result));
  if (results.length > 0) console.log(measureTable(results));
} else console.log(page);
