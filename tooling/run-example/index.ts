import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/**
 * Runs the `main.ts` beside a test, by the command of its README, on the built packages.
 *
 * @param test `import.meta.url` of the test
 * @returns what it printed
 * @throws Error with what it printed to stderr, if it fails
 */
export async function runMain(test: string, ...args: string[]): Promise<string> {
  const cwd = fileURLToPath(new URL('.', test));
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'main.ts', ...args], { cwd });
  return stdout;
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
