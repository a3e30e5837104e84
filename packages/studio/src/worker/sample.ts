import { check } from '@peft/core';
import { tensorFileDataset, tensorFileOf } from '@peft/data';
import { mnistDigits } from '@peft/pico';
import { bmpOf } from './bmp.ts';
import { fetchBytes } from './fetch.ts';
import type { LabeledPicture, LabeledPictures } from './protocol.ts';

async function digits(part: 'train' | 'test'): Promise<LabeledPicture[]> {
  const url = mnistDigits(part);
  const name = `mnist ${part}`;
  const dataset = await tensorFileDataset(tensorFileOf(await fetchBytes(url), name), name);
  check(!dataset.preprocessed, 'bad-file', () => `${name} holds no pictures.`);
  // Test pictures keep their part; validation pictures are drawn from the others.
  const own = part === 'test' ? { part } : {};
  return Promise.all(
    [...dataset.labels()].map(async (label, i) => {
      const number = String(i + 1).padStart(4, '0');
      return { blob: bmpOf(await dataset.picture(i)), name: `${part}-${number}.bmp`, label, ...own };
    }),
  );
}

/** 1,500 digits of MNIST as picture files, in ten classes. */
export async function sample(): Promise<LabeledPictures> {
  const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
  return { classes, pictures: [...(await digits('train')), ...(await digits('test'))] };
}
