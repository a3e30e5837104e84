import * as tf from '@tensorflow/tfjs-core';
import type { GateSpec } from '../method/gate.ts';
import type { Stage } from '../method/method.ts';
import type { Site } from '../method/targets.ts';
import { registerGradients } from '../tensor/gradients.ts';
import { withScope } from '../tensor/scope.ts';
import type { AdaptedModel } from './adapted-model.ts';
import type { Adapter } from './adapter.ts';

/** The sites that a stage scores, with their gates. */
const gatedSites = ({ plan: { sites } }: Adapter, stage: Stage): [Site, GateSpec][] =>
  sites.flatMap(site => {
    const gate = stage.gate?.(site, sites);
    return gate ? [[site, gate]] : [];
  });

/**
 * The derivatives of a loss by gates of one, `[B, G]` for each site by its id. Gradients are computed for the gates only.
 * Must run inside a tidy.
 *
 * @param batch samples in the batch
 * @param loss runs the model on it
 */
export function gateGradients(
  model: AdaptedModel,
  adapter: Adapter,
  stage: Stage,
  batch: number,
  loss: () => tf.Scalar,
): Record<string, tf.Tensor> {
  const sites = gatedSites(adapter, stage);
  const gates = sites.map(([, { groups }]) => tf.ones([batch, groups]));
  const gated = new Map(sites.map(([site, { on }], i) => [site, { on, values: gates[i] }]));
  registerGradients();
  // The backward pass too, in which checkpointed blocks run again.
  const gradients = model.gated(adapter, gated, () =>
    withScope({ variables: new Set(gates) }, () => tf.grads((..._gates: tf.Tensor[]) => loss())(gates)),
  );
  return Object.fromEntries(sites.map(([{ id }], i) => [id, gradients[i]]));
}
