import { type AdaptedModel, type Adapter, check, linear, type Method, patch } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import type { LilyConfig } from './config.ts';
import { mixingWeights } from './maths.ts';
import { isBlock } from './sharing.ts';

/** Whether a method is Lily. */
export const isLily = (method: Method): method is Method<LilyConfig> => method.type === 'lily';

/**
 * How much each expert counts at each target, by its id: the mean over a batch, `[nB]`, which sums to one. It is a step like any
 * other, so that every engine can run it; the caller disposes of the tensors.
 *
 * @param images `[B, H, W, 3]`, or what else the model takes
 */
export function expertMixing(model: AdaptedModel, adapter: Adapter, images: tf.Tensor): Record<string, tf.Tensor> {
  const { name, method } = adapter;
  check(isLily(method), 'not-supported', () => `Adapter "${name}" is ${method.type}, which does not mix experts.`);
  const { config } = method;
  const found: [string, tf.Tensor][] = [];
  const undo = adapter.attachedTargets.map(({ target, parameters: { A, R } }) =>
    patch(target.module, {
      input(x) {
        const a = linear(x, A.value);
        const phi = isBlock(target) && config.mlpAct === 'relu' ? tf.relu(a) : a;
        const h = tf.reshape(phi, [x.shape[0], -1, A.shape[1]]); // [B, N, r]
        found.push([target.id, tf.keep(tf.mean(mixingWeights(h, R?.value, config), [0, 1]))]); // [nB]
        return x;
      },
    }),
  );
  try {
    model.call(images).dispose();
    return Object.fromEntries(found.map(([id, mean]) => [id, tf.clone(mean)]));
  } finally {
    for (const take of undo) take();
    tf.dispose(found.map(([, mean]) => mean));
  }
}
