import * as tf from '@tensorflow/tfjs-core';
import { check } from '../errors.ts';
import { dropout } from '../tensor/dropout.ts';
import { linear } from '../tensor/linear.ts';
import { withDefaults } from './config.ts';
import { lowRankDelta, lowRankDeltaWeight, lowRankParameters } from './low-rank.ts';
import type { DeltaCall, Method, MethodFactory } from './method.ts';
import type { TargetOptions } from './targets.ts';

export interface BottleneckConfig extends TargetOptions {
  /** Width of the bottleneck: the rank of the update, if nothing lies in it. */
  r: number;
  /** What lies in the bottleneck: `identity` is a low-rank update, `relu` AdaptFormer's adapter. */
  act: 'identity' | 'relu';
  /** The update is multiplied by it. */
  scale: number;
  /** Of the bottleneck, in training. */
  dropout: number;
  /** Modules that are trained and saved whole, usually the classification head. */
  modulesToSave: string[];
}

export const bottleneckDefaults: BottleneckConfig = {
  targets: ['mlp'],
  exclude: undefined,
  layers: undefined,
  layersPattern: undefined,
  r: 8,
  act: 'relu',
  scale: 1,
  dropout: 0,
  modulesToSave: [],
};

/** `s phi(x A) B`, in parallel to the module or block that it adapts (AdaptFormer, Chen et al. 2022, Eq. 3). */
function bottleneckDelta(
  { x, parameters, path }: DeltaCall,
  { act, scale, dropout: rate }: BottleneckConfig,
): tf.Tensor {
  const drop = (h: tf.Tensor): tf.Tensor => dropout(h, rate, path);
  if (act === 'identity') return lowRankDelta(x, parameters, scale, drop);
  const h = drop(tf.relu(linear(x, parameters.A))); // [..., r]
  return linear(h, tf.mul(parameters.B, scale)); // [..., out]
}

/**
 * A plain pair of factors, `A [in, r]` drawn and `B [r, out]` zero, beside linear modules or whole blocks. It is what HEAT
 * and Pear act on unless they are given another method.
 *
 * ```ts
 * await model.add('default', bottleneck({ targets: ['mlp'], r: 8, modulesToSave: ['head'] }), { key: key(42) });
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense
 */
export const bottleneck: ((options?: Partial<BottleneckConfig>) => Method<BottleneckConfig>) &
  MethodFactory<Partial<BottleneckConfig>> = /* @__PURE__ */ Object.assign(
  (options: Partial<BottleneckConfig> = {}): Method<BottleneckConfig> => {
    const config = withDefaults('bottleneck', bottleneckDefaults, options);
    const { r, act, scale, dropout: rate } = config;
    check(
      Number.isInteger(r) && r > 0,
      'bad-config',
      () => `bottleneck: r is ${r}; it must be a whole number of 1 or more.`,
    );
    check(
      act === 'identity' || act === 'relu',
      'bad-config',
      () => `bottleneck: act is "${act}"; it must be identity or relu.`,
    );
    check(Number.isFinite(scale), 'bad-config', () => `bottleneck: scale is ${scale}; it must be a number.`);
    check(rate >= 0 && rate < 1, 'bad-config', () => `bottleneck: dropout is ${rate}; it must be in [0, 1).`);
    const linearOnly = act === 'identity';
    return {
      type: 'bottleneck',
      config,
      targets: config,
      blocks: true,
      modulesToSave: config.modulesToSave,
      parameters: site => lowRankParameters(site, r),
      delta: call => bottleneckDelta(call, config),
      rowwise: true,
      unmergeable: linearOnly ? undefined : 'a ReLU lies between its factors, so that no one weight does the same.',
      ...(linearOnly && { deltaWeight: ({ parameters }) => lowRankDeltaWeight(parameters, scale) }),
    };
  },
  { type: 'bottleneck' },
);
