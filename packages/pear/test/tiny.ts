import { SwinTransformer, VisionTransformer } from '@peft/backbones';
import { type AdaptedModel, adapt, type Engine, eagerEngine, initialize, key, softmaxCrossEntropy } from '@peft/core';
import { isMadeBy } from '@peft/core/method';
import { brightestChannel, tensorOf } from '@peft/testing';
import { Trainer } from '@peft/train';
import * as tf from '@tensorflow/tfjs-core';
import { type PearFindings, type PearOptions, pear } from '../src/index.ts';

export const batches = 4;
export const source = brightestChannel({ batches, contrast: 2 });

export const backbones = {
  vit: () =>
    new VisionTransformer({
      imageSize: [16, 16],
      patchSize: 8,
      embedDim: 12,
      depth: 4,
      heads: 2,
      classes: 3,
      classToken: false,
      globalPool: 'avg',
    }),
  swin: () =>
    new SwinTransformer({
      imageSize: [16, 16],
      patchSize: 4,
      windowSize: 2,
      embedDim: 8,
      depths: [2, 4],
      heads: [1, 2],
      classes: 3,
    }),
};
export type Backbone = keyof typeof backbones;

/** A run of three epochs, pruned after the first. */
export async function setUp(
  backbone: Backbone,
  options: PearOptions,
  engine: Engine = eagerEngine(),
): Promise<{ model: AdaptedModel; trainer: Trainer }> {
  const model = adapt(initialize(backbones[backbone](), key(5)));
  await model.add('default', pear({ warmEpochs: 1, ...options }), { key: key(6) });
  const trainer = new Trainer({ model, engine, source, optimizer: { lr: 0.02 }, epochs: 3, seed: 1 });
  return { model, trainer };
}

/** What the prune has found. */
export function found(model: AdaptedModel): PearFindings {
  const { method } = model.get('default');
  if (!isMadeBy(method, pear) || !method.findings) throw new Error(`${method.type} has found nothing.`);
  return method.findings;
}

/** The sum over the batches that are scored of their mean losses. Must run inside a tidy. */
export function epochLoss(model: AdaptedModel): tf.Scalar {
  const losses = Array.from({ length: batches }, (_, b) => {
    const { images, labels } = source.batch(0, b);
    return tf.mean(softmaxCrossEntropy(model.call(tensorOf(images)), tensorOf(labels)));
  });
  return tf.addN(losses) as tf.Scalar;
}

export async function evaluated(model: AdaptedModel): Promise<number> {
  const loss = tf.tidy(() => epochLoss(model));
  const [value] = await loss.data();
  loss.dispose();
  return value;
}
