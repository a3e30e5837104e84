import { initialize, key, Linear, Module } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

/** A block that tells its widths. */
class Mlp extends Module {
  readonly inFeatures = 5;
  readonly outFeatures = 5;
  readonly up = new Linear(5, 8, { slices: { q: { start: 0, end: 3 }, v: { start: 3, end: 8 } } });
  readonly down = new Linear(8, 5);

  forward(x: tf.Tensor): tf.Tensor {
    return this.down.call(tf.tanh(this.up.call(x)));
  }
}

class Block extends Module {
  readonly mlp = new Mlp();

  forward(x: tf.Tensor): tf.Tensor {
    return tf.add(x, this.mlp.call(x));
  }
}

/** Four layers that are alike, with blocks and fused projections to adapt, `[B, N, 5]`. */
export class Net extends Module {
  readonly classifiers = ['head'];
  readonly blocks = Array.from({ length: 4 }, () => new Block());
  readonly head = new Linear(5, 2);

  forward(x: tf.Tensor): tf.Tensor {
    return this.head.call(this.blocks.reduce((h, block) => block.call(h), x));
  }
}

export const net = (seed = 1): Net => initialize(new Net(), key(seed));
