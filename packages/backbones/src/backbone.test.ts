import { DropPath, getModule, initialize, key, type Module, modules, parameters } from '@peft/core';
import { hostRandom, withScope } from '@peft/core/engine';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { maxDifference } from '../test/compare.ts';
import { createBackbone, setDropPath, withClasses, zoo } from './index.ts';

const small = { imageSize: [16, 16], patchSize: 4, classes: 5, mlpRatio: 2 } as const;
const { preprocessing } = zoo['pico-vit'];
const vit = () =>
  createBackbone({
    architecture: 'vit',
    config: { ...small, embedDim: 8, depth: 3, heads: 2, distilled: true },
    preprocessing,
  });
const swin = () =>
  createBackbone({
    architecture: 'swin',
    config: { ...small, embedDim: 8, depths: [2, 1], heads: [2, 2], windowSize: 2 },
    preprocessing,
  });

/** The parameters that are new in a pretrained model. */
const fresh = (model: Module): string[] =>
  [...parameters(model)].flatMap(([path, parameter]) => (parameter.fresh ? [path] : []));

const pictures = () => tf.randomNormal([2, 16, 16, 3], 0, 1, 'float32', 3);

describe.each([
  ['vision transformer', vit],
  ['Swin', swin],
])('%s', (_, create) => {
  test('takes no memory until it has values, and gives back all of it but the logits', () => {
    const before = tf.memory().numTensors;
    const model = create();
    expect(tf.memory().numTensors).toBe(before);
    initialize(model, key(0));
    const images = pictures();
    const held = tf.memory().numTensors;
    expect(held - before).toBe([...parameters(model)].length + 1);
    const logits = model.call(images);
    expect(logits.shape).toEqual([2, 5]);
    expect(tf.memory().numTensors).toBe(held + 1);
    const features = model.features(images);
    expect(features.shape).toEqual([2, model.featureCount]);
    expect(tf.memory().numTensors).toBe(held + 2);
  });

  test('stochastic depth grows to its rate, and acts in training only', async () => {
    const model = initialize(create(), key(0));
    setDropPath(model, 0.6);
    const rates = [...modules(model)].flatMap(([, module]) => (module instanceof DropPath ? [module.rate] : []));
    expect(rates).toEqual([0, 0, 0.3, 0.3, 0.6, 0.6]);
    const images = pictures();
    const [still, again] = [await model.call(images).data(), await model.call(images).data()];
    expect(maxDifference(still, again)).toBe(0);
    const train = (seed: number) =>
      withScope({ training: true, random: hostRandom(key(seed)) }, () => model.call(images)).data();
    expect(maxDifference(await train(1), await train(1))).toBe(0);
    const different = await Promise.all([1, 2, 3, 4, 5].map(async seed => maxDifference(await train(seed), still)));
    expect(Math.max(...different)).toBeGreaterThan(0);
  });

  test('a new head takes the place of the old, which is freed', () => {
    const model = initialize(create(), key(0));
    const before = tf.memory().numTensors;
    expect(withClasses(model, 5).classes).toBe(5);
    expect(tf.memory().numTensors).toBe(before);
    const heads = model.classifiers.length;
    expect(fresh(model)).toEqual([]);
    withClasses(model, 7);
    expect(fresh(model)).toEqual(model.classifiers.flatMap(path => [`${path}.weight`, `${path}.bias`]));
    expect(tf.memory().numTensors).toBe(before - 2 * heads);
    for (const path of model.classifiers) expect(getModule(model, path).path).toBe(path);
    expect(initialize(model, key(1)).call(pictures()).shape).toEqual([2, 7]);
    expect(withClasses(model, 0).classifiers).toEqual([]);
    expect(model.call(pictures()).shape).toEqual([2, model.featureCount]);
  });

  test('pictures of another size are refused, with advice', () => {
    const model = initialize(create(), key(0));
    expect(() => model.call(tf.zeros([1, 8, 8, 3]))).toThrow(/takes pictures \[B, 16, 16, 3\].*another imageSize/s);
  });
});

test('what cannot be built is refused', () => {
  expect(() => createBackbone('vit_tiny_patch16_224', { imageSize: 100 })).toThrow(/cannot be cut into patches of 16/);
  const config = { ...small, embedDim: 10, heads: 3 };
  expect(() => createBackbone({ architecture: 'vit', config, preprocessing })).toThrow(/3 heads cannot share 10/);
});
