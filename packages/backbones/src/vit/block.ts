import { DropPath, LayerNorm, Module } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { Attention } from './attention.ts';
import type { VisionTransformerConfig } from './config.ts';
import { firstTokens, mapTokens } from './first-tokens.ts';
import { LayerScale } from './layer-scale.ts';
import { hiddenFeatures, Mlp } from './mlp.ts';

/** One pre-norm transformer block, `[B, N, D]`. */
export class Block extends Module {
  readonly norm1: LayerNorm;
  readonly attn: Attention;
  readonly ls1: LayerScale | undefined;
  readonly drop_path1 = new DropPath();
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly ls2: LayerScale | undefined;
  readonly drop_path2 = new DropPath();
  #wanted: number | undefined;

  constructor({ embedDim, heads, mlpRatio, qkvBias, layerScale, epsilon }: VisionTransformerConfig) {
    super();
    this.norm1 = new LayerNorm(embedDim, epsilon);
    this.attn = new Attention(embedDim, heads, qkvBias);
    this.ls1 = layerScale === null ? undefined : new LayerScale(embedDim, layerScale);
    this.norm2 = new LayerNorm(embedDim, epsilon);
    this.mlp = new Mlp(embedDim, hiddenFeatures(embedDim, mlpRatio));
    this.ls2 = layerScale === null ? undefined : new LayerScale(embedDim, layerScale);
  }

  forward(x: tf.Tensor): tf.Tensor {
    const count = this.#count; // n, of the N tokens of x
    const attended = this.attn.first(this.norm1.call(x), count); // [B, n, D]
    const h = tf.add(firstTokens(x, count), this.drop_path1.call(this.ls1 ? this.ls1.call(attended) : attended));
    const mapped = this.mlp.call(this.norm2.call(h)); // [B, n, D]
    return tf.add(h, this.drop_path2.call(this.ls2 ? this.ls2.call(mapped) : mapped));
  }

  /** The first `count` tokens of the result, `[B, count, D]`, or more of them where a patch needs more. */
  first(x: tf.Tensor, count: number | undefined): tf.Tensor {
    this.#wanted = count;
    try {
      return this.call(x);
    } finally {
      this.#wanted = undefined;
    }
  }

  /** The number of first tokens that go on after attention; all if undefined. */
  get #count(): number | undefined {
    if (this.#wanted === undefined || !this.isPristine) return undefined;
    const after = [this.ls1, this.drop_path1, this.norm2, this.mlp, this.ls2, this.drop_path2];
    return mapTokens(after) ? this.#wanted : undefined;
  }
}
