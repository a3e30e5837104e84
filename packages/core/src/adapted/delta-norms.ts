import * as tf from '@tensorflow/tfjs-core';
import { weightOf } from '../method/targets.ts';
import { type Adapter, sliceWeight, valuesOf } from './adapter.ts';

/** How far an adapter has moved a weight. */
export interface DeltaNorm {
  /** The site's id. */
  readonly site: string;
  /** `||dW||`, Frobenius, times the adapter's weight. */
  readonly delta: number;
  /** `||W0||` of the frozen weight, or of its slice. */
  readonly weight: number;
}

/** The norms of an adapter's weight updates, site by site; none for methods that do not amount to a change of the weight. */
export async function deltaNorms({ method, weight, attachedSites }: Adapter): Promise<DeltaNorm[]> {
  const { deltaWeight } = method;
  if (!deltaWeight || method.unmergeable) return [];
  const linear = attachedSites.filter(({ site }) => site.module.weight);
  return Promise.all(
    linear.map(async ({ site, parameters }) => {
      const norms = tf.tidy(() => {
        const frozen = sliceWeight(weightOf(site.module).value, site);
        const delta = deltaWeight({ site, parameters: valuesOf(parameters), weight: () => tf.clone(frozen) });
        return tf.stack([tf.norm(delta), tf.norm(frozen)]);
      });
      const [delta, base] = await norms.data();
      norms.dispose();
      return { site: site.id, delta: weight * delta, weight: base };
    }),
  );
}
