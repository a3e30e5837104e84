import { DropPath, LayerNorm, Module } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { hiddenFeatures, Mlp } from '../vit/mlp.ts';
import type { SwinTransformerConfig } from './config.ts';
import { WindowAttention } from './window-attention.ts';
import { assemble, padTo, partition, roll, type Size, unroll } from './windows.ts';

export interface SwinBlockOptions {
  features: number;
  heads: number;
  /** Rows and columns of tokens. */
  grid: Size;
  /** The grid that sizes the windows, as in timm: halved at each merging and rounded down, while {@link grid} is rounded up. */
  resolution: Size;
  /** Whether the windows are shifted by half their side. */
  shifted: boolean;
}

/** One pre-norm transformer block whose attention stays within windows, `[B, H, W, C]`. */
export class SwinBlock extends Module {
  readonly grid: Size;
  readonly window: Size;
  readonly shift: Size;
  readonly norm1: LayerNorm;
  readonly attn: WindowAttention;
  readonly drop_path1 = new DropPath();
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly drop_path2 = new DropPath();

  constructor({ features, heads, grid, resolution, shifted }: SwinBlockOptions, config: SwinTransformerConfig) {
    super();
    const { windowSize, mlpRatio, qkvBias, epsilon } = config;
    const perAxis = (f: (side: number) => number): Size => [f(resolution[0]), f(resolution[1])];
    this.grid = grid;
    this.window = perAxis(side => Math.min(side, windowSize));
    this.shift = perAxis(side => (shifted && side > windowSize ? Math.floor(windowSize / 2) : 0));
    this.norm1 = new LayerNorm(features, epsilon);
    const windows: Size = [Math.ceil(grid[0] / this.window[0]), Math.ceil(grid[1] / this.window[1])];
    this.attn = new WindowAttention({ features, heads, qkvBias, window: this.window, windows, shift: this.shift });
    this.norm2 = new LayerNorm(features, epsilon);
    this.mlp = new Mlp(features, hiddenFeatures(features, mlpRatio));
  }

  forward(x: tf.Tensor): tf.Tensor {
    const h = tf.add(x, this.drop_path1.call(this.#attend(this.norm1.call(x)))); // [B, H, W, C]
    return tf.add(h, this.drop_path2.call(this.mlp.call(this.norm2.call(h))));
  }

  #attend(x: tf.Tensor): tf.Tensor {
    const { window, shift } = this;
    const { windows } = this.attn;
    const padded: Size = [windows[0] * window[0], windows[1] * window[1]];
    const rolled = padTo(roll(x, shift), padded); // [B, H', W', C]
    const attended = assemble(this.attn.call(partition(rolled, window)), window, padded);
    return unroll(tf.slice(attended, [0, 0, 0, 0], [-1, ...this.grid, -1]), shift); // [B, H, W, C]
  }
}
