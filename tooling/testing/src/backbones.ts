import { type BackboneDefinition, createBackbone, lookupBackbone } from '@peft/backbones';
import { initialize, key, type Module, parameters } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

const { preprocessing } = lookupBackbone('pico-vit');

/** Two backbones of a few thousand parameters for pictures of 16 x 16, one of each architecture. */
const definitions: Record<'vit' | 'swin', BackboneDefinition> = {
  vit: {
    architecture: 'vit',
    config: { imageSize: [16, 16], patchSize: 8, embedDim: 16, depth: 4, heads: 4, classes: 3 },
    preprocessing,
  },
  swin: {
    architecture: 'swin',
    config: {
      imageSize: [16, 16],
      patchSize: 4,
      windowSize: 2,
      embedDim: 12,
      depths: [2, 2],
      heads: [2, 4],
      classes: 3,
    },
    preprocessing,
  },
};

export type Architecture = keyof typeof definitions;
export const architectures = Object.keys(definitions) as Architecture[];

/** The same backbone each time. */
export const backbone = (architecture: Architecture): Module & { readonly classifiers: readonly string[] } =>
  initialize(createBackbone(definitions[architecture]), key(4));

/** The same with larger weights, as training makes them: attention tells tokens apart, and every gradient counts. */
export function lively(architecture: Architecture): Module {
  const base = backbone(architecture);
  for (const [, { shape, value }] of parameters(base)) {
    if (shape.length > 1) tf.tidy(() => value.assign(tf.mul(value, 10)));
  }
  return base;
}

/** Two pictures for it, `[2, 16, 16, 3]`. */
export const pictures = (): tf.Tensor =>
  tf.tensor(
    Float32Array.from({ length: 1536 }, (_, i) => Math.sin(1.7 * i + 0.3 * Math.cos(i))),
    [2, 16, 16, 3],
  );
