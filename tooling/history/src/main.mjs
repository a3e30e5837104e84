/*
 * `pnpm history` adds a line about the present commit to `history.jsonl`, and draws `docs/history.md`. `--bench FILE` takes ratios from
 * the file of a benchmark. `--draw` only draws.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measured, packageSize } from '@peft/sizes';
import { presentCommit } from './git.mjs';
import { benchOf, parseLines, serializeLines } from './lines.mjs';
import { drawCharts, renderPage } from './page.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const file = join(root, 'tooling/history/history.jsonl');

/** The line about the present commit. */
async function measure(benchFile) {
  const commit = presentCommit(root);
  const { version } = JSON.parse(await readFile(join(root, 'packages/core/package.json'), 'utf8'));
  const bench = benchFile && benchOf(await readFile(resolve(process.env.INIT_CWD ?? '.', benchFile), 'utf8'));
  const sizes = {};
  for (const name of measured) sizes[name] = await packageSize(name);
  return { ...commit, version, sizes, bench };
}

try {
  const { values } = parseArgs({ options: { bench: { type: 'string' }, draw: { type: 'boolean', default: false } } });
  let lines = parseLines(await readFile(file, 'utf8'));
  if (!values.draw) {
    const line = await measure(values.bench);
    if (lines.some(({ commit }) => commit === line.commit))
      throw new Error(`history.jsonl has a line about ${line.commit}. Remove it to measure again.`);
    lines = parseLines(serializeLines([...lines, line]));
    await writeFile(file, serializeLines(lines));
    console.log(JSON.stringify(line));
  }
  await writeFile(join(root, 'docs/history.md'), renderPage(lines));
  for (const [name, svg] of drawCharts(lines)) await writeFile(join(root, 'docs', name), svg);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
