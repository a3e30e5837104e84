import { createBackbone, lookupBackbone } from '@peft/backbones';
import { type AdaptedModel, adapt, eagerEngine, initialize, key, type Method, parameters } from '@peft/core';
import { isMadeBy } from '@peft/core/method';
import { brightestChannel } from '@peft/testing';
import { Trainer, type TrainerOptions } from '@peft/train';
import { type HeatFindings, heat } from '../src/index.ts';

/** A ViT of two layers with four heads, and a Swin of two stages with shifted windows, for pictures of 16 x 16. */
export const backbones = {
  vit: () =>
    createBackbone({
      architecture: 'vit',
      config: { imageSize: [16, 16], patchSize: 4, embedDim: 16, depth: 2, heads: 4, mlpRatio: 2, classes: 3 },
      preprocessing: lookupBackbone('pico-vit').preprocessing,
    }),
  swin: () =>
    createBackbone({
      architecture: 'swin',
      config: {
        imageSize: [16, 16],
        patchSize: 2,
        windowSize: 4,
        embedDim: 8,
        depths: [2, 2],
        heads: [2, 4],
        mlpRatio: 2,
        classes: 3,
      },
      preprocessing: lookupBackbone('pico-swin').preprocessing,
    }),
};

export type Name = keyof typeof backbones;

/** Pictures whose class is their brightest channel. */
export const source = brightestChannel({ batches: 3, batchSize: 4, noise: 1 });

/** A model with random weights, large enough that heads differ. */
export async function modelOf(name: Name, method?: Method): Promise<AdaptedModel> {
  const base = initialize(backbones[name](), key(5));
  for (const [path, parameter] of parameters(base)) {
    if (!path.endsWith('.weight') || parameter.shape.length < 2) continue;
    parameter.set((await parameter.get()).map((value, i) => 4 * value + 0.1 * Math.sin(i * i)));
  }
  const model = adapt(base);
  if (method) await model.add('default', method, { key: key(6) });
  return model;
}

/** A model, and a run of three epochs that trains it. */
export async function setUp(name: Name, method: Method, options: Partial<TrainerOptions> = {}) {
  const model = await modelOf(name, method);
  const defaults = { model, engine: eagerEngine(), source, optimizer: { lr: 0.02 }, epochs: 3, seed: 1 };
  return { model, trainer: new Trainer({ ...defaults, ...options }) };
}

/** What the score pass of a model's HEAT has found. */
export function found(model: AdaptedModel): HeatFindings {
  const { method } = model.get('default');
  if (!isMadeBy(method, heat) || !method.findings) throw new Error(`${method.type} has found nothing.`);
  return method.findings;
}
