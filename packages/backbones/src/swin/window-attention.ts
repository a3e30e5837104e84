import { attention, dims, Linear, Module, Parameter, truncatedNormal, zeros } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { fusedProjection, joinHeads, splitHeads } from '../vit/attention.ts';
import { relativeBias, shiftMask } from './window-bias.ts';
import type { Size } from './windows.ts';

export interface WindowAttentionOptions {
  features: number;
  heads: number;
  qkvBias: boolean;
  /** Tokens of a window. */
  window: Size;
  /** Windows of a picture. */
  windows: Size;
  /** The shift of the picture in patches; zero for windows that are not shifted. */
  shift: Size;
}

/** Multi-head self-attention within windows, `[B * windows, h * w, C]`, with a bias for relative positions. */
export class WindowAttention extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly heads: number;
  readonly window: Size;
  readonly windows: Size;
  readonly shift: Size;
  readonly relative_position_bias_table: Parameter;
  readonly qkv: Linear;
  readonly proj: Linear;

  constructor({ features, heads, qkvBias, window, windows, shift }: WindowAttentionOptions) {
    super();
    this.inFeatures = features;
    this.outFeatures = features;
    this.heads = heads;
    this.window = window;
    this.windows = windows;
    this.shift = shift;
    const distances = (2 * window[0] - 1) * (2 * window[1] - 1);
    this.relative_position_bias_table = new Parameter([distances, heads], truncatedNormal(0.02));
    this.qkv = fusedProjection(features, heads, qkvBias);
    this.proj = new Linear(features, features, { weightInit: truncatedNormal(0.02), biasInit: zeros });
  }

  forward(x: tf.Tensor): tf.Tensor {
    const [q, k, v] = splitHeads(this.qkv.call(x), this.heads); // [B windows, heads, N, d]
    const bias = relativeBias(this.relative_position_bias_table.value, this.window); // [1, heads, N, N]
    const [all, heads, tokens, width] = dims(q, 4);
    const scale = width ** -0.5;
    if (this.shift.every(by => by === 0)) return this.proj.call(joinHeads(attention(q, k, v, scale, bias)));
    // Windows move beside the heads, so that one bias serves the whole batch.
    const count = this.windows[0] * this.windows[1];
    const mask = tf.expandDims(shiftMask(this.windows, this.window, this.shift), 1); // [windows, 1, N, N]
    const masked = tf.reshape(tf.add(bias, mask), [1, count * heads, tokens, tokens]);
    const beside = (t: tf.Tensor): tf.Tensor => tf.reshape(t, [all / count, count * heads, tokens, width]);
    const attended = attention(beside(q), beside(k), beside(v), scale, masked); // [B, windows heads, N, d]
    return this.proj.call(joinHeads(tf.reshape(attended, [all, heads, tokens, width])));
  }
}
