import { type ConfigOf, configure, type GivenOf, option, savedModules, targetsOf, value } from '@peft/core/method';
import { activationNames } from './activations.ts';

/** The defaults are the queries and values of a vision transformer, as in the authors' image classification. */
export const neatOptions = {
  .../* @__PURE__ */ targetsOf(['attn.qkv[q,v]']),
  r: /* @__PURE__ */ option('Hidden width of the network f.', value.integer({ min: 1 }), 7),
  pairs: /* @__PURE__ */ option(
    'Residual pairs of an encoder and a decoder between A and B: a depth of D layers is (D - 2) / 2 pairs.',
    value.integer({ min: 0, max: 1000 }),
    0,
  ),
  act: /* @__PURE__ */ option(
    'The activation phi; `identity` makes the update `W0 A B`, linear in the frozen weight.',
    value.choice(activationNames),
    'relu',
  ),
  side: /* @__PURE__ */ option(
    'Which side of W0 meets A: its outputs (`phi(W0 A)`) or its inputs (`phi(W0^T A)`).',
    value.choice(['out', 'in']),
    'out',
  ),
  scale: /* @__PURE__ */ option('The update is multiplied by it.', value.number(), 1),
  modulesToSave: /* @__PURE__ */ savedModules(),
};

export type NeatConfig = ConfigOf<typeof neatOptions>;

/** Whatever is to differ from the defaults. */
export type NeatOptions = GivenOf<typeof neatOptions>;

/**
 * The learning rate that the authors start from. `W0 A` is small, so the update grows more slowly than LoRA's and takes
 * a larger one.
 */
export const neatLearningRate = 5e-3;

/** The whole configuration, checked. */
export const neatConfig = (options: NeatOptions): NeatConfig => configure('neat', neatOptions, options);
