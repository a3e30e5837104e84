import { type Method, type MethodFactory, ones } from '@peft/core';
import { type ConfigOf, configure, type GivenOf, requiredTargets, savedModules, type Tensors } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';

/*
 * (IA)3 (Liu et al. 2022, arXiv 2205.05638): each output of a frozen projection is multiplied by a trained number.
 *
 *     y = (x W0) l + b0          l [out], ones at the start
 */

const ia3Options = { ...requiredTargets, modulesToSave: savedModules() };

export type Ia3Config = ConfigOf<typeof ia3Options>;

/** `targets` and whatever is to differ from the defaults. */
export type Ia3Options = GivenOf<typeof ia3Options>;

/**
 * Learned rescaling of linear modules.
 *
 * @throws PeftError `bad-config` for an option that does not exist
 */
export const ia3: MethodFactory<Ia3Options> = /* @__PURE__ */ Object.assign(
  (options: Ia3Options): Method<Ia3Config, Tensors<'l'>> => {
    const config = configure('ia3', ia3Options, options);
    return {
      type: 'ia3',
      config,
      targets: config,
      modulesToSave: config.modulesToSave,
      parameters: ({ outFeatures }) => ({ l: { shape: [outFeatures], init: ones } }),
      delta: ({ baseOutput, parameters: { l } }) => tf.mul(baseOutput(), tf.sub(l, 1)), // (x W0) (l - 1)  [..., out]
      rowwise: true,
      deltaWeight: ({ weight, parameters: { l } }) => tf.mul(weight(), tf.sub(l, 1)), // W0 diag(l - 1)  [in, out]
      mergeable: true,
    };
  },
  { type: 'ia3', options: ia3Options },
);
