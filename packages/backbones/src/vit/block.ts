import { DropPath, firstRows, LayerNorm, Module } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { Attention } from './attention.ts';
import type { VisionTransformerConfig } from './config.ts';
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

  constructor({ embedDim, heads, mlpRatio, qkvBias, layerScale, epsilon }: VisionTransformerConfig) {
    super();
    this.norm1 = new LayerNorm(embedDim, epsilon);
    this.attn = new Attention(embedDim, heads, qkvBias);
    this.ls1 = layerScale === null ? undefined : new LayerScale(embedDim, layerScale);
    this.norm2 = new LayerNorm(embedDim, epsilon);
    this.mlp = new Mlp(embedDim, hiddenFeatures(embedDim, mlpRatio));
    this.ls2 = layerScale === null ? undefined : new LayerScale(embedDim, layerScale);
  }

  forward(x: tf.Tensor, rows?: number): tf.Tensor {
    const seen = this.norm2.rowsNeeded(this.mlp.rowsNeeded(rows)); // n, of all N tokens unless rows says otherwise
    const attended = this.attn.call(this.norm1.call(x), seen); // [B, n, D]
    const h = tf.add(firstRows(x, seen), this.drop_path1.call(this.ls1 ? this.ls1.call(attended) : attended));
    const mapped = this.mlp.call(this.norm2.call(h), rows); // [B, rows, D]
    return tf.add(firstRows(h, rows), this.drop_path2.call(this.ls2 ? this.ls2.call(mapped) : mapped));
  }
}
