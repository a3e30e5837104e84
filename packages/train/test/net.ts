import { DropPath, dropout, Linear, Module } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

/** The smallest network with dropout and stochastic depth. */
export class Net extends Module {
  readonly body = new Linear(12, 8);
  readonly path1 = new DropPath(0.2);
  readonly head = new Linear(8, 3);
  forward(images: tf.Tensor): tf.Tensor {
    const x = tf.reshape(images, [images.shape[0], -1]);
    const h = tf.tanh(this.body.call(x));
    return this.head.call(tf.add(h, this.path1.call(dropout(h, 0.1, 'net'))));
  }
}
