import * as tf from '@tensorflow/tfjs-core';
import { type ConfigOf, configure, type GivenOf, option } from '../schema/options.ts';
import { choice, integer, number } from '../schema/value.ts';
import { dropout } from '../tensor/dropout.ts';
import { linear } from '../tensor/linear.ts';
import { type LowRank, lowRankDelta, lowRankDeltaWeight, lowRankParameters } from './low-rank.ts';
import type { DeltaCall, Method, MethodFactory } from './method.ts';
import { savedModules, targetsOf } from './target-options.ts';

export const adaptformerOptions = {
  .../* @__PURE__ */ targetsOf(['mlp']),
  r: /* @__PURE__ */ option(
    'Width of the bottleneck: the rank of the update, if nothing lies in it.',
    integer({ min: 1 }),
    8,
  ),
  act: /* @__PURE__ */ option(
    "What lies in the bottleneck: `identity` is a low-rank update, `relu` AdaptFormer's adapter.",
    choice(['identity', 'relu']),
    'relu',
  ),
  scale: /* @__PURE__ */ option('The update is multiplied by it.', number(), 1),
  dropout: /* @__PURE__ */ option('Of the bottleneck, in training.', number({ min: 0, below: 1 }), 0),
  modulesToSave: /* @__PURE__ */ savedModules(),
};

export type AdaptFormerConfig = ConfigOf<typeof adaptformerOptions>;

export type AdaptFormerOptions = GivenOf<typeof adaptformerOptions>;

/** `s phi(x A) B`, in parallel to the module or block that it adapts (AdaptFormer, Chen et al. 2022, Eq. 3). */
function adaptformerDelta(
  { x, parameters, path }: DeltaCall<LowRank>,
  { act, scale, dropout: rate }: AdaptFormerConfig,
): tf.Tensor {
  const drop = (h: tf.Tensor): tf.Tensor => dropout(h, rate, path);
  if (act === 'identity') return lowRankDelta(x, parameters, scale, drop);
  const h = drop(tf.relu(linear(x, parameters.A))); // [..., r]
  return linear(h, tf.mul(parameters.B, scale)); // [..., out]
}

/**
 * AdaptFormer: a pair of factors, `A [in, r]` random and `B [r, out]` zero, in parallel to linear modules or whole blocks. The
 * default base method of HEAT and Pear.
 *
 * ```ts
 * await model.add('default', adaptformer({ targets: ['mlp'], r: 8, modulesToSave: ['head'] }), { key: key(42) });
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense
 */
export const adaptformer: ((options?: AdaptFormerOptions) => Method<AdaptFormerConfig, LowRank>) &
  MethodFactory<AdaptFormerOptions, Method<AdaptFormerConfig, LowRank>> = /* @__PURE__ */ Object.assign(
  (options: AdaptFormerOptions = {}): Method<AdaptFormerConfig, LowRank> => {
    const config = configure('adaptformer', adaptformerOptions, options);
    const { r, act, scale } = config;
    const linearOnly = act === 'identity';
    return {
      type: 'adaptformer',
      config,
      targets: config,
      blocks: true,
      modulesToSave: config.modulesToSave,
      parameters: target => lowRankParameters(target, r),
      delta: call => adaptformerDelta(call, config),
      rowwise: true,
      mergeable: linearOnly || { reason: 'a ReLU lies between its factors, so no single weight does the same.' },
      ...(linearOnly && { deltaWeight: ({ parameters }) => lowRankDeltaWeight(parameters, scale) }),
    };
  },
  { type: 'adaptformer', options: adaptformerOptions },
);
