import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe } from 'vitest';
import { agrees, floats, seed, size, useEngine, withGradients } from '../../test/agree.ts';

useEngine();

const sides = fc.integer({ min: 4, max: 9 });
const images = fc
  .tuple(fc.constantFrom(1, 2), sides, sides, size, seed)
  .map(([n, h, w, c, s]) => floats([n, h, w, c], s));
const filtered = (outputs: number) =>
  fc
    .tuple(images, fc.constantFrom(1, 2, 3), fc.constantFrom(1, 2, 3), seed)
    .map(([x, h, w, s]) => [x, floats([h, w, x.shape[3], outputs], s, 0.2)]);
const image = images.map(x => [x]);

for (const pad of ['same', 'valid'] as const) {
  for (const stride of [1, 2]) {
    describe(`${pad}, stride ${stride}`, () => {
      agrees(
        'conv2d',
        withGradients((x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad)),
        filtered(3),
      );
      agrees(
        'depthwiseConv2d',
        (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad),
        filtered(2),
      );
      agrees('maxPool', x => tf.maxPool(x as tf.Tensor4D, [3, 2], stride, pad), image);
      agrees('avgPool', x => tf.avgPool(x as tf.Tensor4D, [3, 2], stride, pad), image);
    });
  }
}

agrees('conv2d, dilated', (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same', 'NHWC', 2), filtered(2));
agrees(
  'batchNorm',
  withGradients(x => {
    const channels = tf.linspace(0.5, 1.5, x.shape[3]!);
    return tf.batchNorm(x, tf.mul(channels, 0.3), channels, channels, tf.neg(channels), 1e-3);
  }),
  image,
);
