import {
  check,
  type DeltaCall,
  type Method,
  type ParameterSpec,
  type Target,
  type Tensors,
  type WeightCall,
  withScope,
  zeros,
} from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import type { PearState } from './config.ts';

/*
 * What acts where, after pruning. With f(.; theta) the adapter of a position, and theta its tensors:
 *
 *     kept i:     y = base(x) + f(x; theta_i)
 *     pruned j:   y = base(x) + g f(x; theta_pi(j)) + kappa_j(x)        kappa_j(x) = f(x; theta_j at pruning)
 *
 * theta_pi(j) are the tensors of the position that j shares, and f is that of j: it sees what j sees. g is one, or a trained
 * number. kappa_j, the knowledge checkpoint, is frozen: its tensors are, while the gradient still flows through it to x.
 */

const checkpointed = 'checkpoint.';
const gate = 'gate';

/** The tensors that a target's checkpoint keeps: those that it had. */
const checkpointSpecs = (target: Target, targets: readonly Target[], base: Method): [string, ParameterSpec][] =>
  Object.entries(base.parameters(target, targets)).map(([name, spec]) => [
    checkpointed + name,
    { ...spec, frozen: true },
  ]);

/** The paths of a target's checkpoint, by the name of the tensor that it keeps. */
export const checkpointPaths = (
  target: Target,
  targets: readonly Target[],
  base: Method,
): [name: string, path: string][] =>
  checkpointSpecs(target, targets, base).map(([name, { share }]) => [
    name.slice(checkpointed.length),
    `${share ?? target.id}.${name}`,
  ]);

function sharedSpecs(donor: Target, targets: readonly Target[], base: Method): [string, ParameterSpec][] {
  const specs = Object.entries(base.parameters(donor, targets));
  const taken = specs.find(([name]) => name === gate || name.startsWith(checkpointed));
  check(
    !taken,
    'not-supported',
    () => `pear: a tensor of ${base.type} is called ${taken?.[0]}, which Pear needs for its own; it cannot be shared.`,
  );
  return specs.map(([name, spec]) => [name, { ...spec, share: spec.share ?? donor.id }]);
}

/** The tensors of a target: its own, or, once it is pruned, those that it shares, its gate and its checkpoint. */
export function pearParameters(
  target: Target,
  targets: readonly Target[],
  base: Method,
  { shared, shareInit, knowledgeCheckpoint }: PearState,
): Record<string, ParameterSpec> {
  const id = shared?.[target.id];
  if (id === undefined) return base.parameters(target, targets);
  const donor = targets.find(other => other.id === id);
  return Object.fromEntries([
    ...(donor ? sharedSpecs(donor, targets, base) : []),
    ...(donor && shareInit === 'gate0' ? [[gate, { shape: [1], init: zeros }]] : []),
    ...(knowledgeCheckpoint === 'none' ? [] : checkpointSpecs(target, targets, base)),
  ]);
}

type Contribution = (parameters: Tensors) => tf.Tensor | undefined;

/** `g f(shared) + h(checkpoint)`, of whichever the tensors of a pruned target have. */
function sumOfParts(
  { [gate]: g, ...tensors }: Tensors,
  ofShared: Contribution,
  ofCheckpoint: Contribution,
): tf.Tensor | undefined {
  const entries = Object.entries(tensors);
  const shared = entries.filter(([name]) => !name.startsWith(checkpointed));
  const kept = entries.filter(([name]) => name.startsWith(checkpointed));
  const f = shared.length > 0 ? ofShared(Object.fromEntries(shared)) : undefined;
  const gated = f && g ? tf.mul(f, g) : f;
  const kappa =
    kept.length > 0
      ? ofCheckpoint(Object.fromEntries(kept.map(([name, value]) => [name.slice(checkpointed.length), value])))
      : undefined;
  return gated && kappa ? tf.add(gated, kappa) : (gated ?? kappa);
}

const isKept = ({ id }: Target, { shared }: PearState): boolean => shared?.[id] === undefined;

/** What Pear adds to a target, `[..., out]`. */
export function pearDelta(call: DeltaCall, base: Method, config: PearState): tf.Tensor {
  const { x, target, path } = call;
  if (isKept(target, config)) return base.delta(call);
  const ofCheckpoint: Contribution = parameters =>
    // No dropout: it is not trained.
    withScope({ training: false }, () => base.delta({ ...call, parameters, path: `${path}/checkpoint` }));
  const delta = sumOfParts(
    call.parameters,
    parameters => base.delta({ ...call, parameters }),
    config.knowledgeCheckpoint === 'frozen' ? ofCheckpoint : () => undefined,
  );
  return delta ?? tf.zeros([...x.shape.slice(0, -1), target.outFeatures]);
}

/** What Pear adds to a target's weight before use, `[in, out]`: a checkpoint that is merged. */
export function pearWeightDelta(call: WeightCall, base: Method, config: PearState): tf.Tensor | undefined {
  if (isKept(call.target, config)) return base.weightDelta?.(call);
  const ofWeight: Contribution = parameters => base.weightDelta?.({ ...call, parameters });
  const merged: Contribution = parameters => base.deltaWeight?.({ ...call, parameters });
  return sumOfParts(call.parameters, ofWeight, config.knowledgeCheckpoint === 'merge' ? merged : ofWeight);
}

/** `dW = g dW(shared) + dW(checkpoint)`, `[in, out]`. */
export function pearDeltaWeight(
  call: WeightCall,
  ofDeltaWeight: (call: WeightCall) => tf.Tensor,
  config: PearState,
): tf.Tensor {
  const { target } = call;
  if (isKept(target, config)) return ofDeltaWeight(call);
  const part: Contribution = parameters => ofDeltaWeight({ ...call, parameters });
  return sumOfParts(call.parameters, part, part) ?? tf.zeros([target.inFeatures, target.outFeatures]);
}

/** The starting values of a target that come from its weight: those of its own tensors, wherever they are now. */
export function pearFromWeight(
  target: Target,
  values: Record<string, Float32Array>,
  config: PearState,
): Record<string, Float32Array> {
  if (isKept(target, config)) return values;
  if (config.knowledgeCheckpoint === 'none') return {};
  return Object.fromEntries(Object.entries(values).map(([name, data]) => [checkpointed + name, data]));
}
