import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tensorFileDataset, tensorFileOf } from '@peft/data';
import { mnistDigits } from '@peft/pico';
import { bmpOf } from '../../src/worker/bmp.ts';

/** Writes pictures of digits, from 0 on, into a folder for each. */
export async function writeDigits(folder: string, digits: number, each: number): Promise<void> {
  const dataset = await tensorFileDataset(tensorFileOf(await readFile(mnistDigits('train')), 'digits'), 'digits');
  if (dataset.preprocessed) throw new Error('The digits are no pictures.');
  const labels = [...dataset.labels()];
  for (let digit = 0; digit < digits; digit++) {
    await mkdir(join(folder, String(digit)), { recursive: true });
    const indices = labels.flatMap((label, i) => (label === digit ? [i] : [])).slice(0, each);
    for (const i of indices) {
      const bytes = Buffer.from(await bmpOf(await dataset.picture(i)).arrayBuffer());
      await writeFile(join(folder, String(digit), `${i}.bmp`), bytes);
    }
  }
}
