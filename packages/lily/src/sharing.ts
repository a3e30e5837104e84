import type { Target } from '@peft/core';
import { isBlock } from '@peft/core/method';
import type { LilyConfig } from './config.ts';

/*
 * Who shares what. Targets of the same kind, target, slice and shape form a group, in the order of layers: they share one
 * pool of experts, and neighbors among them share an A. On a hierarchical model a target has a group for each width.
 */

/**
 * The name of a target's target: what matched, as in Hugging Face peft, where a regular expression counts as one target; for
 * `all-linear`, the path after the last index of a layer.
 */
export function targetName(target: Target, { targets }: LilyConfig): string {
  if (typeof targets !== 'string') return target.matched;
  return targets.toLowerCase() === 'all-linear' ? target.path.replace(/^.*\.\d+\./, '') : '';
}

function groupName(target: Target, config: LilyConfig): string {
  const { slice, inFeatures, outFeatures } = target;
  return [targetName(target, config), slice?.name, isBlock(target), inFeatures, outFeatures].join();
}

/** The targets that share experts with a target, itself among them, in the order of layers. */
export function groupOf(target: Target, targets: readonly Target[], config: LilyConfig): Target[] {
  const name = groupName(target, config);
  return targets.filter(other => groupName(other, config) === name);
}

/** The number of neighbors in a group of `layers` that share an A. */
export const strideOf = (layers: number, { stride, nA = layers }: LilyConfig): number =>
  stride ?? Math.max(1, Math.floor(layers / nA));

/** For each tensor of a target, the target whose tensor it is: the first of those that share it. */
export interface Owners {
  A: Target;
  P: Target;
  R: Target;
}

export function ownersOf(target: Target, targets: readonly Target[], config: LilyConfig): Owners {
  const group = groupOf(target, targets, config);
  const stride = strideOf(group.length, config);
  const index = group.indexOf(target);
  const [first = target] = group;
  return { A: group[index - (index % stride)] ?? target, P: first, R: config.router === 'target' ? first : target };
}
