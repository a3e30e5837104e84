import * as tf from '@tensorflow/tfjs-core';
import type { Stage } from '../method/method.ts';
import type { Target } from '../method/targets.ts';
import { registerGradients } from '../tensor/gradients.ts';
import { withScope } from '../tensor/scope.ts';
import type { AdaptedModel } from './adapted-model.ts';
import type { Adapter } from './adapter.ts';
import type { Gates } from './gates.ts';

/** The targets that a stage scores, each with gates of one. */
const gatedTargets = ({ plan: { targets } }: Adapter, stage: Stage, batch: number): [Target, Gates][] =>
  targets.flatMap(target => {
    const gate = stage.gate?.(target, targets);
    return gate ? [[target, { on: gate.on, values: tf.ones([batch, gate.groups]) }]] : [];
  });

/**
 * The derivatives of a loss with respect to gates of one, `[B, G]` by target id. No other gradients are computed.
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
  const targets = gatedTargets(adapter, stage, batch);
  const gates = targets.map(([, { values }]) => values);
  registerGradients();
  // The gates must hold in the backward pass too: checkpointed blocks run again there.
  const gradients = model.gated(adapter, new Map(targets), () =>
    withScope({ variables: new Set(gates) }, () => tf.grads((..._gates: tf.Tensor[]) => loss())(gates)),
  );
  return Object.fromEntries(targets.map(([{ id }], i) => [id, gradients[i]!]));
}
