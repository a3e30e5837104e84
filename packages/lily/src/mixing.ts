import { type AdaptedModel, type Adapter, check, patch } from '@peft/core';
import { isMadeBy, parameterOf } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';
import { bottleneck, lily, mixingWeights } from './lily.ts';

/**
 * The weight of each expert at each target, by its id: the mean over a batch, `[nB]`, which sums to one. It is a step like any
 * other, so that every engine can run it; the caller disposes of the tensors.
 *
 * @param images `[B, H, W, 3]`, or what else the model takes
 */
export function expertMixing(model: AdaptedModel, adapter: Adapter, images: tf.Tensor): Record<string, tf.Tensor> {
  const { name, method } = adapter;
  check(
    isMadeBy(method, lily),
    'not-supported',
    () => `Adapter "${name}" is ${method.type}, which does not mix experts.`,
  );
  const { config } = method;
  const found: [string, tf.Tensor][] = [];
  const undo = adapter.attachedTargets.map(attached => {
    const { target, parameters } = attached;
    const [A, R] = [parameterOf(attached, 'A'), parameters.R];
    return patch(target.module, {
      input(x) {
        const h = bottleneck(x, A.value, target, config);
        found.push([target.id, tf.keep(tf.mean(mixingWeights(h, R?.value, config), [0, 1]))]); // [nB]
        return x;
      },
    });
  });
  try {
    model.call(images).dispose();
    return Object.fromEntries(found.map(([id, mean]) => [id, tf.clone(mean)]));
  } finally {
    for (const take of undo) take();
    tf.dispose(found.map(([, mean]) => mean));
  }
}
