import type { Site } from '@peft/core';
import type { LilyConfig } from './config.ts';

/*
 * Who shares what. Sites of the same kind, target, slice and shape form a group, in the order of layers: they share one
 * pool of experts, and neighbours among them share an A. On a hierarchical model a target has a group for each width.
 */

/** Whether a site has no weight of its own. */
export const isBlock = ({ module }: Site): boolean => module.weight === undefined;

/**
 * The name of a site's target: what matched, as in Hugging Face peft, where a regular expression counts as one target; for
 * `all-linear`, the path after the last index of a layer.
 */
export function targetName(site: Site, { targets }: LilyConfig): string {
  if (typeof targets !== 'string') return site.target;
  return targets.toLowerCase() === 'all-linear' ? site.path.replace(/^.*\.\d+\./, '') : '';
}

function groupName(site: Site, config: LilyConfig): string {
  const { slice, inFeatures, outFeatures } = site;
  return [targetName(site, config), slice?.name, isBlock(site), inFeatures, outFeatures].join();
}

/** The sites that share experts with a site, itself among them, in the order of layers. */
export function groupOf(site: Site, sites: readonly Site[], config: LilyConfig): Site[] {
  const name = groupName(site, config);
  return sites.filter(other => groupName(other, config) === name);
}

/** How many neighbours of a group of `layers` share an A. */
export const strideOf = (layers: number, { stride, nA = layers }: LilyConfig): number =>
  stride ?? Math.max(1, Math.floor(layers / nA));

/** For each tensor of a site, the site whose tensor it is: the first of those that share it. */
export interface Owners {
  A: Site;
  P: Site;
  R: Site;
}

export function ownersOf(site: Site, sites: readonly Site[], config: LilyConfig): Owners {
  const group = groupOf(site, sites, config);
  const stride = strideOf(group.length, config);
  const block = Math.floor(group.indexOf(site) / stride);
  return { A: group[block * stride], P: group[0], R: config.router === 'target' ? group[0] : site };
}
