import { attention, check, dims, Linear, Module, type Role, truncatedNormal, zeros } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { firstTokens, mapTokens } from './first-tokens.ts';

/** The fused query, key and value projection, whose thirds can be addressed as `qkv[q]`, `qkv[k]` and `qkv[v]`. */
export function fusedProjection(embedDim: number, heads: number, bias: boolean): Linear {
  check(
    embedDim % heads === 0,
    'bad-argument',
    () => `${heads} heads cannot share ${embedDim} features equally; embedDim must be a multiple of heads.`,
  );
  const third = (index: number, role: Role) => ({ start: index * embedDim, end: (index + 1) * embedDim, role });
  return new Linear(embedDim, 3 * embedDim, {
    bias,
    heads,
    slices: { q: third(0, 'query'), k: third(1, 'key'), v: third(2, 'value') },
    weightInit: truncatedNormal(0.02),
    biasInit: zeros,
  });
}

/** `[B, N, 3D]` to q, k and v, each `[B, H, N, D/H]`. */
export function splitHeads(qkv: tf.Tensor, heads: number): [q: tf.Tensor, k: tf.Tensor, v: tf.Tensor] {
  const [batch, tokens, features] = dims(qkv, 3);
  const split = tf.reshape(qkv, [batch, tokens, 3, heads, features / 3 / heads]);
  return tf.unstack(tf.transpose(split, [2, 0, 3, 1, 4])) as [tf.Tensor, tf.Tensor, tf.Tensor];
}

/** `[B, H, N, d]` to `[B, N, H * d]`. */
export function joinHeads(x: tf.Tensor): tf.Tensor {
  const [batch, heads, tokens, width] = dims(x, 4);
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, tokens, heads * width]);
}

/** Multi-head self-attention over all tokens, `[B, N, D]`. */
export class Attention extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly heads: number;
  readonly qkv: Linear;
  readonly proj: Linear;

  constructor(embedDim: number, heads: number, qkvBias: boolean) {
    super();
    this.inFeatures = embedDim;
    this.outFeatures = embedDim;
    this.heads = heads;
    this.qkv = fusedProjection(embedDim, heads, qkvBias);
    this.proj = new Linear(embedDim, embedDim, { weightInit: truncatedNormal(0.02), biasInit: zeros });
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.#attend(x);
  }

  /** The first `count` tokens of the result, `[B, count, D]`; all of them if `count` is undefined. */
  first(x: tf.Tensor, count: number | undefined): tf.Tensor {
    const isCut = count !== undefined && this.isPristine && mapTokens([this.proj]);
    return isCut ? this.#attend(x, count) : firstTokens(this.call(x), count);
  }

  #attend(x: tf.Tensor, count?: number): tf.Tensor {
    const [q, k, v] = splitHeads(this.qkv.call(x), this.heads); // [B, H, N, d]
    const asking = firstTokens(q, count, 2); // [B, H, count, d]
    const [, , , width] = dims(q, 4);
    return this.proj.call(joinHeads(attention(asking, k, v, width ** -0.5)));
  }
}
