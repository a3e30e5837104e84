import { type Method, type MethodFactory, zeros } from '@peft/core';
import type { Tensors } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import { type SampleConfig, type SampleOptions, sampleConfig, sampleOptions } from './config.ts';

/*
 * Sample (Authors year, arXiv number): each output of a frozen projection is scaled by a trained number.
 *
 *     y = x W0 + b0 + s (x W0) g          g [out], zeros at the start          s: scale
 */

/**
 * Scaled outputs of linear modules.
 *
 * ```ts
 * await model.add('default', sample({ targets: ['attn.qkv[q,v]'], modulesToSave: ['head'] }), { key: key(42) });
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense
 */
export const sample: MethodFactory<SampleOptions, Method<SampleConfig, Tensors<'g'>>> = /* @__PURE__ */ Object.assign(
  (options: SampleOptions): Method<SampleConfig, Tensors<'g'>> => {
    const config = sampleConfig(options);
    const gain = (g: tf.Tensor): tf.Tensor => tf.mul(g, config.scale);
    return {
      type: 'sample',
      config,
      targets: config,
      modulesToSave: config.modulesToSave,
      parameters: ({ outFeatures }) => ({ g: { shape: [outFeatures], init: zeros } }),
      delta: ({ baseOutput, parameters: { g } }) => tf.mul(baseOutput(), gain(g)), // s (x W0) g  [..., out]
      rowwise: true,
      deltaWeight: ({ weight, parameters: { g } }) => tf.mul(weight(), gain(g)), // s W0 diag(g)  [in, out]
      mergeable: true,
    };
  },
  { type: 'sample', options: sampleOptions },
);
