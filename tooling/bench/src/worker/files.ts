// A contender: this library, from picture files to one batch of floats.
import { check, imagenet } from '@peft/core';
import { peakMemory } from '@peft/core/node';
import { batches, evalTransform } from '@peft/data';
import { openDataset } from '@peft/data/node';
import sharp from 'sharp';
import type { Assignment } from '../work.ts';
import { type Opened, serve } from './serve.ts';

/** That of timm's `transforms_imagenet_eval(224, crop_pct=0.9, interpolation='bicubic')`. */
const transform = evalTransform({
  ...imagenet,
  inputSize: [3, 224, 224],
  interpolation: 'bicubic',
  cropPct: 0.9,
  cropMode: 'center',
});

async function open({ folder }: Assignment): Promise<Opened> {
  check(folder !== undefined, 'bad-argument', () => 'A contender that reads files needs a folder of them.');
  const dataset = await openDataset(folder, 'all');
  return {
    async run() {
      const { value } = await batches(dataset, { batchSize: dataset.size, transform }).next();
      const last = value!.images.data.slice(-transform.height * transform.width * 3);
      return last.reduce((sum, x) => sum + x * x, 0) / last.length;
    },
    describe: async () => ({ peakBytes: peakMemory(), versions: { sharp: sharp.versions.sharp } }),
    close: async () => dataset.close?.(),
  };
}

await serve(open);
