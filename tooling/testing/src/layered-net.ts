import { initialize, key, Linear, Module } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

/** A block with declared widths. The slices of `up` leave one feature between them. */
export class Mlp extends Module {
  readonly inFeatures = 5;
  readonly outFeatures = 5;
  readonly up = new Linear(5, 9, { slices: { k: { start: 0, end: 4 }, v: { start: 5, end: 9 } } });
  readonly down = new Linear(9, 5);

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

/** Four equal layers, with blocks and fused projections to adapt: `[B, N, 5]` to `[B, N, 2]`. */
export class LayeredNet extends Module {
  readonly classifiers = ['head'];
  readonly blocks = Array.from({ length: 4 }, () => new Block());
  readonly head = new Linear(5, 2);

  forward(x: tf.Tensor): tf.Tensor {
    return this.head.call(this.blocks.reduce((h, block) => block.call(h), x));
  }
}

export const layeredNet = (seed = 1): LayeredNet => initialize(new LayeredNet(), key(seed));
