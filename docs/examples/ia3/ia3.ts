import { type Method, type MethodFactory, ones, type TargetOptions, withDefaults } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

/*
 * (IA)3 (Liu et al. 2022, arXiv 2205.05638): each output of a frozen projection is multiplied by a trained number.
 *
 *     y = (x W0) l + b0          l [out], ones at the start
 */

export interface Ia3Config extends TargetOptions {
  /** Modules that are trained and saved whole, usually the classification head. */
  modulesToSave: string[];
}

/** `targets` and whatever is to differ from {@link ia3Defaults}. */
export type Ia3Options = Partial<Ia3Config> & Pick<Ia3Config, 'targets'>;

export const ia3Defaults: Omit<Ia3Config, 'targets'> = {
  exclude: undefined,
  layers: undefined,
  layersPattern: undefined,
  modulesToSave: [],
};

/**
 * Learned rescaling of linear modules.
 *
 * @throws PeftError `bad-config` for an option that does not exist
 */
export const ia3: MethodFactory<Ia3Options> = /* @__PURE__ */ Object.assign(
  (options: Ia3Options): Method<Ia3Config> => {
    const config = withDefaults<Ia3Config>('ia3', { targets: [], ...ia3Defaults }, options);
    return {
      type: 'ia3',
      config,
      targets: config,
      modulesToSave: config.modulesToSave,
      parameters: ({ outFeatures }) => ({ l: { shape: [outFeatures], init: ones } }),
      delta: ({ base, parameters: { l } }) => tf.mul(base(), tf.sub(l, 1)), // (x W0) (l - 1)  [..., out]
      rowwise: true,
      deltaWeight: ({ weight, parameters: { l } }) => tf.mul(weight(), tf.sub(l, 1)), // W0 diag(l - 1)  [in, out]
      unmergeable: undefined,
    };
  },
  { type: 'ia3' },
);
