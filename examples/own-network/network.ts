import { Linear, Module, type Preprocessing } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

/** Pictures `[B, 28, 28, 3]` to logits `[B, 10]`. The fields' names make the paths: `fc1`, `fc2`, `head`. */
export class Network extends Module {
  readonly classifiers = ['head']; // `targets: 'all-linear'` leaves it alone
  readonly fc1 = new Linear(28 * 28, 64);
  readonly fc2 = new Linear(64, 64);
  readonly head = new Linear(64, 10);

  forward(images: tf.Tensor): tf.Tensor {
    const gray = tf.reshape(tf.mean(images, 3), [-1, 28 * 28]);
    const hidden = tf.relu(this.fc1.call(gray)); // `call`, not `forward`, so that an adapter can act on it
    return this.head.call(tf.relu(this.fc2.call(hidden)));
  }
}

/** How a picture becomes what the network reads. */
export const preprocessing: Preprocessing = {
  inputSize: [3, 28, 28],
  interpolation: 'bilinear',
  cropPct: 1,
  cropMode: 'center',
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
};
