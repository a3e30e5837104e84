import {
  check,
  type DeltaCall,
  type Method,
  type ParameterSpec,
  type Site,
  type Tensors,
  type WeightCall,
  withScope,
  zeros,
} from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import type { PearConfig } from './config.ts';

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

/** The tensors that a site's checkpoint keeps: those that it had. */
const checkpointSpecs = (site: Site, sites: readonly Site[], of: Method): [string, ParameterSpec][] =>
  Object.entries(of.parameters(site, sites)).map(([name, spec]) => [checkpointed + name, { ...spec, frozen: true }]);

/** The paths of a site's checkpoint, by the name of the tensor that it keeps. */
export const checkpointPaths = (site: Site, sites: readonly Site[], of: Method): [name: string, path: string][] =>
  checkpointSpecs(site, sites, of).map(([name, { share }]) => [
    name.slice(checkpointed.length),
    `${share ?? site.id}.${name}`,
  ]);

function sharedSpecs(donor: Site, sites: readonly Site[], of: Method): [string, ParameterSpec][] {
  const specs = Object.entries(of.parameters(donor, sites));
  const taken = specs.find(([name]) => name === gate || name.startsWith(checkpointed));
  check(
    !taken,
    'not-supported',
    () => `pear: a tensor of ${of.type} is called ${taken?.[0]}, which Pear needs for its own; it cannot be shared.`,
  );
  return specs.map(([name, spec]) => [name, { ...spec, share: spec.share ?? donor.id }]);
}

/** The tensors of a site: its own, or, once it is pruned, those that it shares, its gate and its checkpoint. */
export function pearParameters(
  site: Site,
  sites: readonly Site[],
  of: Method,
  { shared, shareInit, knowledgeCheckpoint }: PearConfig,
): Record<string, ParameterSpec> {
  const id = shared?.[site.id];
  if (id === undefined) return of.parameters(site, sites);
  const donor = sites.find(other => other.id === id);
  return Object.fromEntries([
    ...(donor ? sharedSpecs(donor, sites, of) : []),
    ...(donor && shareInit === 'gate0' ? [[gate, { shape: [1], init: zeros }]] : []),
    ...(knowledgeCheckpoint === 'none' ? [] : checkpointSpecs(site, sites, of)),
  ]);
}

type Part = (parameters: Tensors) => tf.Tensor | undefined;

/** `g f(shared) + h(checkpoint)`, of whichever the tensors of a pruned site have. */
function sumOfParts({ [gate]: g, ...tensors }: Tensors, ofShared: Part, ofCheckpoint: Part): tf.Tensor | undefined {
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

const isKept = ({ id }: Site, { shared }: PearConfig): boolean => shared?.[id] === undefined;

/** What Pear adds to a site, `[..., out]`. */
export function pearDelta(call: DeltaCall, of: Method, config: PearConfig): tf.Tensor {
  const { x, site, path } = call;
  if (isKept(site, config)) return of.delta(call);
  const ofCheckpoint: Part = parameters =>
    // No dropout: it is not trained.
    withScope({ training: false }, () => of.delta({ ...call, parameters, path: `${path}/checkpoint` }));
  const delta = sumOfParts(
    call.parameters,
    parameters => of.delta({ ...call, parameters }),
    config.knowledgeCheckpoint === 'frozen' ? ofCheckpoint : () => undefined,
  );
  return delta ?? tf.zeros([...x.shape.slice(0, -1), site.outFeatures]);
}

/** What Pear adds to a site's weight before use, `[in, out]`: a checkpoint that is merged. */
export function pearWeightDelta(call: WeightCall, of: Method, config: PearConfig): tf.Tensor | undefined {
  if (isKept(call.site, config)) return of.weightDelta?.(call);
  const ofWeight: Part = parameters => of.weightDelta?.({ ...call, parameters });
  const merged: Part = parameters => of.deltaWeight?.({ ...call, parameters });
  return sumOfParts(call.parameters, ofWeight, config.knowledgeCheckpoint === 'merge' ? merged : ofWeight);
}

/** `dW = g dW(shared) + dW(checkpoint)`, `[in, out]`. */
export function pearDeltaWeight(
  call: WeightCall,
  ofDeltaWeight: (call: WeightCall) => tf.Tensor,
  config: PearConfig,
): tf.Tensor {
  const { site } = call;
  if (isKept(site, config)) return ofDeltaWeight(call);
  const part: Part = parameters => ofDeltaWeight({ ...call, parameters });
  return sumOfParts(call.parameters, part, part) ?? tf.zeros([site.inFeatures, site.outFeatures]);
}

/** The starting values of a site that come from its weight: those of its own tensors, wherever they are now. */
export function pearPrepared(
  site: Site,
  values: Record<string, Float32Array>,
  config: PearConfig,
): Record<string, Float32Array> {
  if (isKept(site, config)) return values;
  if (config.knowledgeCheckpoint === 'none') return {};
  return Object.fromEntries(Object.entries(values).map(([name, data]) => [checkpointed + name, data]));
}
