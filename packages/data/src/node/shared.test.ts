import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sharedData } from '../../test/shared.ts';
import { batches, evalTransform } from '../index.ts';
import { openDataset } from './index.ts';

const preprocessing = {
  inputSize: [3, 224, 224],
  interpolation: 'bicubic',
  cropPct: 0.9,
  cropMode: 'center',
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
} as const;

const expected = {
  eurosat: { train: 800, val: 200, trainval: 1000, test: 500, side: 64, classes: 10 },
  cifar10: { train: 800, val: 200, trainval: 1000, test: 500, side: 32, classes: 10 },
  clothing: { train: 1000, trainval: 1000, test: 372, side: 64, classes: 10 },
  fashion_mnist: { train: 1000, trainval: 1000, test: 500, side: 28, classes: 10 },
  omniglot_small: { train: 1088, trainval: 1088, test: 544, side: 52, classes: 136 },
};

for (const [name, { side, classes, ...splits }] of Object.entries(expected)) {
  const path = sharedData(name);
  describe.skipIf(!path)(`${name} (skipped where PEFT_SHARED names no folder with it)`, () => {
    test('has the splits, classes and sizes it says', async () => {
      for (const [split, size] of Object.entries(splits)) {
        const dataset = await openDataset(path!, split);
        expect([dataset.size, dataset.classes.length]).toEqual([size, classes]);
        if (dataset.preprocessed) throw new Error('It has tensors.');
        const { width, height } = await dataset.picture(size - 1);
        expect([width, height]).toEqual([side, side]);
        await dataset.close?.();
      }
    });

    test('becomes a batch of normalized floats', async () => {
      const dataset = await openDataset(path!, 'test');
      const stream = batches(dataset, { batchSize: 8, transform: evalTransform(preprocessing) });
      const { value } = await stream.next();
      await stream.return();
      expect(value?.images.shape).toEqual([8, 224, 224, 3]);
      const images = value?.images.data ?? new Float32Array();
      expect(images.every(entry => entry >= -2.2 && entry <= 2.7)).toBe(true);
      expect(new Set(images.slice(0, 10_000)).size).toBeGreaterThan(1);
      await dataset.close?.();
    });
  });
}

const folder = sharedData('eurosat/images');
test.skipIf(!folder)('every file of eurosat decodes (skipped where PEFT_SHARED names no folder with it)', async () => {
  const count = readdirSync(`${folder}/test`).length;
  const dataset = await openDataset(sharedData('eurosat')!, 'test');
  const transform = evalTransform({ ...preprocessing, inputSize: [3, 8, 8] });
  let seen = 0;
  for await (const { indices } of batches(dataset, { batchSize: 64, transform })) seen += indices.length;
  expect(seen).toBe(count);
});
