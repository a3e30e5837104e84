import * as tf from '@tensorflow/tfjs-core';
import { weightOf } from '../method/targets.ts';
import { type Adapter, sliceWeight, valuesOf } from './adapter.ts';

/** The norm of an adapter's update of a weight, and of the weight. */
export interface DeltaNorm {
  /** The target's id. */
  readonly target: string;
  /** `||dW||`, Frobenius, times the adapter's weight. */
  readonly delta: number;
  /** `||W0||` of the frozen weight, or of its slice. */
  readonly weight: number;
}

/** The norms of an adapter's weight updates by target; empty for methods that cannot be merged. */
export async function deltaNorms({ method, weight, attachedTargets }: Adapter): Promise<DeltaNorm[]> {
  const { deltaWeight } = method;
  if (!deltaWeight || method.mergeable !== true) return [];
  const linear = attachedTargets.filter(({ target }) => target.module.weight);
  return Promise.all(
    linear.map(async ({ target, parameters }) => {
      const norms = tf.tidy(() => {
        const frozen = sliceWeight(weightOf(target.module).value, target);
        const delta = deltaWeight({ target, parameters: valuesOf(parameters), weight: () => tf.clone(frozen) });
        return tf.stack([tf.norm(delta), tf.norm(frozen)]);
      });
      const [delta, base] = (await norms.array()) as [number, number];
      norms.dispose();
      return { target: target.id, delta: weight * delta, weight: base };
    }),
  );
}
