import { dims, LayerNorm, Linear, Module, truncatedNormal } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { padTo } from './windows.ts';

/** Two by two tokens become one: `[B, H, W, C]` to `[B, H/2, W/2, D]`, odd sides padded with zeros. */
export class PatchMerging extends Module {
  readonly norm: LayerNorm;
  readonly reduction: Linear;

  constructor(features: number, outFeatures: number, epsilon: number) {
    super();
    this.norm = new LayerNorm(4 * features, epsilon);
    this.reduction = new Linear(4 * features, outFeatures, { bias: false, weightInit: truncatedNormal(0.02) });
  }

  forward(x: tf.Tensor): tf.Tensor {
    const [batch, height, width, channels] = dims(x, 4);
    const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)];
    const pairs = tf.reshape(padTo(x, [2 * rows, 2 * columns]), [batch * rows, 2, 2 * columns, channels]);
    const columnsFirst = tf.transpose(pairs, [0, 2, 1, 3]); // (0,0), (1,0), (0,1), (1,1), as rows and columns
    return this.reduction.call(this.norm.call(tf.reshape(columnsFirst, [batch, rows, columns, 4 * channels])));
  }
}
