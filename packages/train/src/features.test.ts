import { type Backbone, createBackbone, splitFeatures, zoo } from '@peft/backbones';
import { adapt, type BatchSource, eagerEngine, fold, initialize, key, type Method, trainModules } from '@peft/core';
import { drawNormal, drawPermutation } from '@peft/core/engine';
import { lora } from '@peft/lora';
import { describe, expect, test } from 'vitest';
import { cacheFeatures, type ModelSplit, type OrderedSource, Trainer } from './index.ts';

const config = { imageSize: [16, 16], patchSize: 4, classes: 3, embedDim: 12, mlpRatio: 2 } as const;
const { preprocessing } = zoo['pico-vit'];
const vit = (): Backbone =>
  createBackbone({ architecture: 'vit', config: { ...config, depth: 4, heads: 2 }, preprocessing });
const swin = (): Backbone =>
  createBackbone({
    architecture: 'swin',
    config: { ...config, depths: [2, 2], heads: [2, 2], windowSize: 2 },
    preprocessing,
  });

const count = 10;
const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
const picture = (i: number): Float32Array => drawNormal(fold(key(1), i), 16 * 16 * 3);
let read = 0;

/** Pictures in a new order each epoch, or one after the other. */
function source(batchSize: number, shuffle: boolean): OrderedSource {
  const order = (epoch: number): Int32Array =>
    shuffle ? drawPermutation(fold(key(2), epoch), count) : Int32Array.from({ length: count }, (_, i) => i);
  const length = shuffle ? Math.floor(count / batchSize) : Math.ceil(count / batchSize);
  return {
    length,
    size: [16, 16],
    batchSize,
    labels,
    order,
    async *batches(epoch, skip = 0) {
      for (let b = skip; b < length; b++) {
        const indices = order(epoch).subarray(b * batchSize, (b + 1) * batchSize);
        const images = new Float32Array(indices.length * 16 * 16 * 3);
        for (const [place, index] of indices.entries()) images.set(picture(index), place * 16 * 16 * 3);
        read += indices.length;
        yield {
          images: { data: images, shape: [indices.length, 16, 16, 3] },
          labels: { data: indices.map(index => labels[index]), shape: [indices.length] },
        };
      }
    },
  };
}

async function losses(create: () => Backbone, method: Method, limit?: number): Promise<number[]> {
  const backbone = initialize(create(), key(4));
  const model = adapt(backbone);
  await model.add('default', method, { key: key(5) });
  const given: { source: BatchSource; split?: ModelSplit } =
    limit === undefined
      ? { source: source(4, true) }
      : await cacheFeatures({
          split: splitFeatures(
            backbone,
            [...model.trainable()].map(([, parameter]) => parameter),
          ),
          engine: eagerEngine(),
          source: source(4, true),
          pictures: source(4, false),
          limit,
        });
  const trainer = new Trainer({ model, ...given, optimizer: { lr: 0.05 }, epochs: 3, seed: 1 });
  const found: number[] = [];
  for await (const event of trainer.run()) if (event.type === 'step') found.push(event.loss);
  await trainer.dispose();
  return found;
}

const cases: [string, () => Backbone, Method, number][] = [
  ['a head on a vision transformer', vit, trainModules({ modulesToSave: ['head'] }), 12],
  [
    'the last block of a vision transformer',
    vit,
    lora({ targets: ['blocks.3.attn.qkv'], modulesToSave: ['head'] }),
    17 * 12,
  ],
  ['a head on a Swin', swin, trainModules({ modulesToSave: ['head.fc'] }), 24],
  ['the last block of a Swin', swin, lora({ targets: ['layers.1.blocks.1.mlp.fc1'] }), 2 * 2 * 24],
];

describe('training on cached features', () => {
  test.each(cases)('gives the losses of training on pictures, each read once: %s', async (_, create, method, size) => {
    const pictures = await losses(create, method);
    read = 0;
    const features = await losses(create, method, 4 * count * size);
    expect(read).toBe(count);
    expect(features).toHaveLength(6);
    for (const [i, loss] of features.entries()) expect(Math.abs(loss - pictures[i])).toBeLessThan(1e-6);
    expect(pictures[5]).not.toBe(pictures[0]);
  });

  test('needs the split that made the features', async () => {
    const model = adapt(initialize(vit(), key(4)));
    await model.add(trainModules({ modulesToSave: ['head'] }));
    const features = { data: new Float32Array(4 * 12), shape: [4, 12] };
    const batch = { features, labels: { data: new Int32Array(4), shape: [4] } };
    const batches = async function* () {
      yield batch;
    };
    const trainer = new Trainer({
      model,
      source: { length: 1, size: [16, 16], batches },
      optimizer: { lr: 1 },
      steps: 1,
    });
    await expect(trainer.run().next()).rejects.toThrow(/The batches hold features: give the split of the model/);
    await trainer.dispose();
  });

  test('refuses an order that names a picture that is not there', async () => {
    const backbone = initialize(vit(), key(4));
    const model = adapt(backbone);
    await model.add(trainModules({ modulesToSave: ['head'] }));
    const trained = [...model.trainable()].map(([, parameter]) => parameter);
    const { source: cached } = await cacheFeatures({
      split: splitFeatures(backbone, trained),
      engine: eagerEngine(),
      source: { ...source(4, true), order: () => Int32Array.from({ length: count }, (_, i) => i + 5) },
      pictures: source(4, false),
      limit: 1e6,
    });
    const batches = cached.batches(0)[Symbol.asyncIterator]();
    await batches.next();
    await expect(batches.next()).rejects.toThrow(
      expect.objectContaining({ code: 'bad-argument', message: expect.stringContaining('no picture 10 of 10') }),
    );
  });

  test('says what the features would take when there is no room', async () => {
    const error = /10 pictures, \[17,12\] each, take 8160 bytes, more than the limit of 8000/;
    await expect(losses(vit, cases[1][2], 8000)).rejects.toThrow(error);
  });
});
