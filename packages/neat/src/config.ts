import { check, type TargetOptions, withDefaults } from '@peft/core';
import { type Activation, activations } from './activations.ts';

export interface NeatConfig extends TargetOptions {
  /** Hidden width of the network f. */
  r: number;
  /** Residual pairs of an encoder and a decoder between A and B: f has 2 + 2 `pairs` layers. */
  pairs: number;
  /** The activation phi; `identity` makes the update `W0 A B`, linear in the frozen weight. */
  act: Activation;
  /** Which side of W0 meets A: its outputs (`phi(W0 A)`) or its inputs (`phi(W0^T A)`). */
  side: 'out' | 'in';
  /** The update is multiplied by it. */
  scale: number;
  /** Modules that are trained and saved whole, usually the classification head. */
  modulesToSave: string[];
}

/** The queries and values of a vision transformer, as in the authors' image classification. */
export const neatDefaults: NeatConfig = {
  targets: ['attn.qkv[q,v]'],
  exclude: undefined,
  layers: undefined,
  layersPattern: undefined,
  r: 7,
  pairs: 0,
  act: 'relu',
  side: 'out',
  scale: 1,
  modulesToSave: [],
};

/**
 * The learning rate that the authors start from. `W0 A` is small, so the update grows more slowly than LoRA's and takes
 * a larger one.
 */
export const neatLearningRate = 5e-3;

/** Whatever is to differ from {@link neatDefaults}. */
export type NeatOptions = Partial<NeatConfig>;

/** The whole configuration, checked. */
export function neatConfig(options: NeatOptions): NeatConfig {
  const config = withDefaults<NeatConfig>('neat', neatDefaults, options);
  const { r, pairs, act, side, scale } = config;
  const acts = Object.keys(activations);
  check(Number.isInteger(r) && r > 0, 'bad-config', () => `neat: r is ${r}; it must be a positive integer.`);
  check(
    Number.isInteger(pairs) && pairs >= 0,
    'bad-config',
    () => `neat: pairs is ${pairs}; it must be 0 or a positive integer (a depth of D layers is (D - 2) / 2 pairs).`,
  );
  check(acts.includes(act), 'bad-config', () => `neat: act is "${act}"; it must be one of ${acts.join(', ')}.`);
  check(side === 'out' || side === 'in', 'bad-config', () => `neat: side is "${side}"; it must be out or in.`);
  check(Number.isFinite(scale), 'bad-config', () => `neat: scale is ${scale}; it must be a number.`);
  return config;
}
