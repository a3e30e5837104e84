import { check, type Target } from '@peft/core';
import { parameterOf, type TargetParameters, weightOf } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import type { LoraConfig } from './config.ts';
import { loraDeltaWeight, rankOf, scaleOf } from './maths.ts';
import { principalFactors } from './svd.ts';

/*
 * Combines several LoRAs of a target into one of scale 1 (peft: `add_weighted_adapter`). w_i are the weights asked
 * for, s_i the adapters' own scales.
 */

/** One adapter's part in a target of the new one. */
export interface WeightedTarget extends TargetParameters {
  readonly config: LoraConfig;
  readonly weight: number;
}

/** The parts of a target. */
export type Parts = readonly [WeightedTarget, ...WeightedTarget[]];

/** A `[in, r]` and B `[r, out]`, row-major. */
export type Factors = Record<'A' | 'B', Float32Array>;

/** The factors of a target of the new adapter. */
export async function combineTarget(parts: Parts, type: string, r: number): Promise<Factors> {
  if (type === 'svd') return bestApproximation(parts, r);
  if (type === 'cat') return concatenate(parts);
  const ranks = parts.map(rankOfPart);
  check(
    ranks.every(other => other === ranks[0]),
    'bad-argument',
    () =>
      `combine: the ranks at ${parts[0].target.id} are ${ranks.join(' and ')}; type "linear" needs equal ones, "cat" does not.`,
  );
  return sum(parts);
}

const rankOfPart = ({ config, target }: WeightedTarget): number => rankOf(config, target);

const factorsOf = async (part: WeightedTarget): Promise<Factors> => ({
  A: await parameterOf(part, 'A').get(),
  B: await parameterOf(part, 'B').get(),
});

/** A = sum_i sign(w_i s_i) sqrt(|w_i s_i|) A_i;  B = sum_i sqrt(|w_i s_i|) B_i */
async function sum(parts: Parts): Promise<Factors> {
  const total = await factorsOf(parts[0]);
  total.A.fill(0);
  total.B.fill(0);
  for (const part of parts) {
    const { A, B } = await factorsOf(part);
    const ws = part.weight * scaleOf(part.config, part.target);
    const root = Math.sqrt(Math.abs(ws));
    for (let i = 0; i < A.length; i++) total.A[i]! += Math.sign(ws) * root * A[i]!;
    for (let i = 0; i < B.length; i++) total.B[i]! += root * B[i]!;
  }
  return total;
}

/** A = [w_1 s_1 A_1, w_2 s_2 A_2, ...];  B = [B_1; B_2; ...] */
async function concatenate(parts: Parts): Promise<Factors> {
  const { inFeatures, outFeatures } = parts[0].target;
  const width = parts.reduce((total, part) => total + rankOfPart(part), 0);
  const [A, B] = [new Float32Array(inFeatures * width), new Float32Array(width * outFeatures)];
  let column = 0;
  for (const part of parts) {
    const r = rankOfPart(part);
    const own = await factorsOf(part);
    const ws = part.weight * scaleOf(part.config, part.target);
    for (let row = 0; row < inFeatures; row++) {
      for (let k = 0; k < r; k++) A[row * width + column + k] = ws * own.A[row * r + k]!;
    }
    B.set(own.B, column * outFeatures);
    column += r;
  }
  return { A, B };
}

/** A B ~ sum_i w_i dW_i, with A of orthonormal columns: the singular values are in B, as peft leaves them. */
async function bestApproximation(parts: Parts, r: number): Promise<Factors> {
  const { inFeatures, outFeatures } = parts[0].target;
  const delta = tf.tidy(() => tf.addN(parts.map(part => tf.mul(deltaOf(part), part.weight))));
  const values = Float32Array.from(await delta.data());
  delta.dispose();
  const width = Math.min(r, inFeatures, outFeatures);
  const { left, right, singularValues } = principalFactors(values, inFeatures, outFeatures, width);
  const roots = singularValues.map(value => Math.sqrt(value) || 1);
  return {
    A: left.map((value, i) => value / roots[i % width]!),
    B: right.map((value, i) => value * roots[Math.floor(i / outFeatures)]!),
  };
}

function deltaOf(part: WeightedTarget): tf.Tensor {
  const { config, target, parameters } = part;
  const own = { A: parameterOf(part, 'A').value, B: parameterOf(part, 'B').value };
  const others = Object.entries(parameters).map(([name, { value }]) => [name, value] as const);
  const weight = (): tf.Tensor => {
    const { value } = weightOf(target.module);
    return target.slice ? tf.slice(value, [0, target.slice.start], [target.inFeatures, target.outFeatures]) : value;
  };
  return loraDeltaWeight({ ...Object.fromEntries(others), ...own }, target, config, weight);
}

/** Factors of a smaller rank as factors of rank r, with zeros. */
export function padded({ A, B }: Factors, { inFeatures, outFeatures }: Target, r: number): Factors {
  const width = A.length / inFeatures;
  const wide = { A: new Float32Array(inFeatures * r), B: new Float32Array(r * outFeatures) };
  for (let row = 0; row < inFeatures; row++) wide.A.set(A.subarray(row * width, (row + 1) * width), row * r);
  wide.B.set(B);
  return wide;
}
