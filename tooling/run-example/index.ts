import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openDataset } from '@peft/data/node';
import sharp from 'sharp';
import { onTestFinished } from 'vitest';

/** An empty folder, removed when the test is over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'peft-example-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

const folderOf = (test: string): string => fileURLToPath(new URL('.', test));
const withTsx = (script: string, args: readonly string[]): string[] => ['--import', 'tsx', script, ...args];

/**
 * Runs a script beside a test, by the command of its README, on the built packages.
 *
 * @param test `import.meta.url` of the test
 * @returns what it printed
 * @throws Error with what it printed to stderr, if it fails
 */
export async function runScript(test: string, script: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, withTsx(script, args), { cwd: folderOf(test) });
  return stdout;
}

/** Runs the `main.ts` beside a test. */
export const runMain = (test: string, ...args: string[]): Promise<string> => runScript(test, 'main.ts', ...args);

/**
 * Starts the server that is the `main.ts` beside a test. When the test is over it is asked to end, and must do so without an error.
 *
 * @param test `import.meta.url` of the test
 * @returns the line that it prints when it listens: the first one with an address
 * @throws Error with what it printed to stderr, if it ends before
 */
export async function startMain(test: string, ...args: string[]): Promise<string> {
  const server = spawn(process.execPath, withTsx('main.ts', args), { cwd: folderOf(test), stdio: 'pipe' });
  let errors = '';
  server.stderr.on('data', text => {
    errors += text;
  });
  const ended = once(server, 'close');
  onTestFinished(async () => {
    server.kill('SIGTERM');
    const [code] = await ended;
    if (code !== 0) throw new Error(`The server ended with ${code}. ${errors}`);
  });
  for await (const line of createInterface(server.stdout)) if (line.includes('http://')) return line;
  throw new Error(`The server ended before it listened. ${errors}`);
}

/**
 * Paints `train/DIGIT/*.png` and `test/DIGIT/*.png` with digits of MNIST, from 0 on.
 *
 * @param each how many pictures of each digit a split has
 */
export async function paintDigits(
  folder: string,
  digits: number,
  each: { readonly train: number; readonly test: number },
): Promise<void> {
  for (const split of ['train', 'test'] as const) {
    const dataset = await openDataset('mnist', split);
    if (dataset.preprocessed) throw new Error('The digits are tensors, not pictures.');
    const labels = dataset.labels();
    for (let digit = 0; digit < digits; digit++) {
      await mkdir(join(folder, split, String(digit)), { recursive: true });
      const indices = [...labels.keys()].filter(index => labels[index] === digit).slice(0, each[split]);
      for (const index of indices) {
        const { data, width, height } = await dataset.picture(index);
        const image = sharp(data, { raw: { width, height, channels: 3 } });
        await image.png().toFile(join(folder, split, String(digit), `${index}.png`));
      }
    }
    await dataset.close?.();
  }
}
