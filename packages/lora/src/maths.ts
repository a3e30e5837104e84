import { constant, dropout, linear, linearDefault, normal, type Target, zeros } from '@peft/core';
import { detached } from '@peft/core/engine';
import {
  type DeltaCall,
  type FileLayout,
  type Kernel,
  type LowRank,
  type LowRankInit,
  lowRankDelta,
  lowRankDeltaWeight,
  lowRankParameters,
  type ParameterSpecs,
  patternValue,
  plainLayout,
  type Tensors,
} from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import type { LoraConfig } from './config.ts';
import { principalFactors } from './svd.ts';

/*
 * LoRA (Hu et al. 2021, arXiv 2106.09685): beside each frozen weight W0, a trained pair A `[in, r]`, B `[r, out]`.
 *
 *     y = x W0 + b0 + s (drop(x A)) B          s = alpha / r
 */

/** The rank r of a target. */
export const rankOf = ({ r, rankPattern }: LoraConfig, { path }: Pick<Target, 'path'>): number =>
  patternValue(rankPattern, path, r);

/** The factor s of a target. */
export function scaleOf(config: LoraConfig, target: Pick<Target, 'path'>): number {
  const alpha = patternValue(config.alphaPattern, target.path, config.alpha);
  const r = rankOf(config, target);
  return alpha / (config.rslora ? Math.sqrt(r) : r);
}

const initOf = ({ init }: LoraConfig, r: number): LowRankInit => {
  const choices: Record<LoraConfig['init'], LowRankInit> = {
    default: {},
    gaussian: { A: normal(1 / r) },
    zero: { A: zeros, B: linearDefault(r) },
    pissa: {},
  };
  return choices[init];
};

/** The stored form of DoRA's norms, `[out]`; of a convolution, that of its weight's norm, `[1, out, 1, 1]`. */
export const normsLayout = (outFeatures: number, kernel: Kernel | undefined): FileLayout =>
  plainLayout(kernel ? [1, outFeatures, 1, 1] : [outFeatures]);

/** The tensors of a target: A and B; with PiSSA the frozen pair that they start as; with DoRA the norms m `[out]`. */
export type LoraTensors = LowRank & Partial<Tensors<'A0' | 'B0' | 'm'>>;

export function loraParameters(target: Target, config: LoraConfig): ParameterSpecs<LoraTensors> {
  const r = rankOf(config, target);
  const { A, B } = lowRankParameters(target, r, initOf(config, r));
  const frozen = { frozen: true };
  return {
    A,
    B,
    ...(config.init === 'pissa' && { A0: { ...A, ...frozen }, B0: { ...B, ...frozen } }),
    ...(config.dora && {
      m: {
        shape: [target.outFeatures],
        init: constant(1),
        layout: normsLayout(target.outFeatures, target.module.kernel),
      },
    }),
  };
}

/** |V|_c: the Euclidean length of each column, `[out]`. */
const columnNorms = (v: tf.Tensor): tf.Tensor => tf.sqrt(tf.sum(tf.square(v), 0));

/**
 * DoRA (Liu et al. 2024, eq. 5): W = m V / |V|_c with V = W0 + s A B and |V|_c held constant in the gradient (section 4.3).
 * The update is (m / |V|_c - 1) x W0 + (m / |V|_c) s x A B.
 */
function doraDelta(
  { parameters: { A, B }, baseOutput, weight }: DeltaCall<LoraTensors>,
  m: tf.Tensor,
  update: tf.Tensor,
  scale: number,
): tf.Tensor {
  const norms = detached((a, b) => columnNorms(tf.add(weight(), lowRankDeltaWeight({ A: a, B: b }, scale))), A, B);
  const ratio = tf.div(m, norms); // [out]
  return tf.add(tf.mul(tf.sub(ratio, 1), baseOutput()), tf.mul(ratio, update));
}

/** The update of a target's output, `[..., out]`. */
export function loraDelta(call: DeltaCall<LoraTensors>, config: LoraConfig): tf.Tensor {
  const { x, parameters, target, path } = call;
  const { A0, B0, m } = parameters;
  const scale = scaleOf(config, target);
  const drop = (t: tf.Tensor): tf.Tensor => dropout(t, config.dropout, path);
  const input = config.dropoutAt === 'input' ? drop(x) : x;
  const bottleneck = config.dropoutAt === 'bottleneck' ? drop : undefined;
  const update = lowRankDelta(input, parameters, scale, bottleneck);
  if (m) return doraDelta(call, m, update, scale);
  if (!A0 || !B0) return update;
  // PiSSA trains on W0 - s A0 B0: what the start took out of the frozen weight is taken off here, so W0 stays whole.
  return tf.sub(update, linear(linear(x, A0), tf.mul(B0, scale)));
}

/** The merged update of a target's weight, `[in, out]`. */
export function loraDeltaWeight(
  parameters: LoraTensors,
  target: Target,
  config: LoraConfig,
  weight: () => tf.Tensor,
): tf.Tensor {
  const scale = scaleOf(config, target);
  const update = lowRankDeltaWeight(parameters, scale);
  const { A0, B0, m } = parameters;
  if (m) {
    const v = tf.add(weight(), update);
    return tf.sub(tf.mul(v, tf.div(m, columnNorms(v))), weight());
  }
  return A0 && B0 ? tf.sub(update, lowRankDeltaWeight({ A: A0, B: B0 }, scale)) : update;
}

/** Starting values that come from the frozen weight, `[in, out]` row-major. */
export async function loraFromWeight(
  target: Target,
  weight: Float32Array,
  config: LoraConfig,
): Promise<Record<string, Float32Array>> {
  const { inFeatures, outFeatures } = target;
  if (config.init === 'pissa') {
    const root = Math.sqrt(scaleOf(config, target));
    const { left, right } = principalFactors(weight, inFeatures, outFeatures, rankOf(config, target));
    const [A, B] = [left.map(value => value / root), right.map(value => value / root)];
    return { A, B, A0: A, B0: B };
  }
  if (!config.dora) return {};
  const m = new Float32Array(outFeatures);
  for (let i = 0; i < weight.length; i++) m[i % outFeatures]! += weight[i]! ** 2;
  return { m: m.map(Math.sqrt) };
}
