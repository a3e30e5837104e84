import { type AdaptedModel, type Adapter, check, linear, type Method, patch } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import type { LilyConfig } from './config.ts';
import { mixingWeights } from './maths.ts';
import { isBlock } from './sharing.ts';

/** Whether a method is Lily. */
export const isLily = (method: Method): method is Method<LilyConfig> => method.type === 'lily';

/**
 * How much each expert counts at each site, by its id: the mean over a batch, `[nB]`, which sums to one.
 *
 * @param images `[B, H, W, 3]`, or what else the model takes
 */
export async function expertMixing(
  model: AdaptedModel,
  adapter: Adapter,
  images: tf.Tensor,
): Promise<Map<string, Float32Array>> {
  const { name, method } = adapter;
  check(isLily(method), 'not-supported', () => `Adapter "${name}" is ${method.type}, which does not mix experts.`);
  const { config } = method;
  const found = new Map<string, tf.Tensor>();
  const undo = adapter.attachedSites.map(({ site, parameters: { A, R } }) =>
    patch(site.module, {
      input(x) {
        const a = linear(x, A.value);
        const phi = isBlock(site) && config.mlpAct === 'relu' ? tf.relu(a) : a;
        const h = tf.reshape(phi, [x.shape[0], -1, A.shape[1]]); // [B, N, r]
        found.set(site.id, tf.keep(tf.mean(mixingWeights(h, R?.value, config), [0, 1]))); // [nB]
        return x;
      },
    }),
  );
  try {
    model.call(images).dispose();
    const read = async ([id, mean]: [string, tf.Tensor]) => [id, Float32Array.from(await mean.data())] as const;
    return new Map(await Promise.all([...found].map(read)));
  } finally {
    for (const take of undo) take();
    tf.dispose([...found.values()]);
  }
}
