import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const source = fileURLToPath(new URL('../src/node/hub/model.ts', import.meta.url));

/** Writes a program that downloads the model it is told, with the sources as they are; returns its path. */
export async function writeDownloader(folder: string): Promise<string> {
  const outfile = join(folder, 'model.mjs');
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@peft/source'],
    logLevel: 'error',
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
  const program = join(folder, 'download.mjs');
  const body = 'console.log(await downloadModel({ name: process.argv[2], revision: "main" }));';
  await mkdir(folder, { recursive: true });
  await writeFile(program, `import { downloadModel } from ${JSON.stringify(outfile)};\n${body}\n`);
  return program;
}

/** Starts the program; `ended` gives what it printed, or throws with what it complained of. */
export function startDownloader(program: string, name: string): { child: ChildProcess; ended: Promise<string> } {
  const child = spawn(process.execPath, [program, name], { stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { out: '', err: '' };
  child.stdout?.on('data', data => {
    text.out += data;
  });
  child.stderr?.on('data', data => {
    text.err += data;
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    if (code !== 0) throw new Error(`${signal ?? code}: ${text.err}`);
    return text.out.trim();
  });
  return { child, ended };
}
