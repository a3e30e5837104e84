import { check, closest, type Method, type Site } from '@peft/core';
import type { PearConfig } from './config.ts';
import { prunedCount } from './prune.ts';

/*
 * Which sites may share: those of equal role and equal shapes. On a ViT these are all sites of a role; on a hierarchical
 * model, where each stage has a width of its own, those of one stage.
 */

/** What a site is in its layer: the name that matched, without the indices of layers, and its slice. */
const roleOf = ({ target, slice }: Site): string => [target.replace(/(^|\.)\d+(?=\.|$)/g, ''), slice?.name].join();

function kindOf(site: Site, sites: readonly Site[], of: Method): string {
  const tensors = Object.entries(of.parameters(site, sites)).map(([name, { shape }]) => `${name} [${shape}]`);
  return [roleOf(site), site.module.weight === undefined, site.inFeatures, site.outFeatures, ...tensors].join();
}

/** The sites in groups that may share, each in the order of the model: a site's index is its position. */
export function groupsOf(sites: readonly Site[], of: Method): Site[][] {
  const groups = new Map<string, Site[]>();
  for (const site of sites) {
    const kind = kindOf(site, sites, of);
    groups.set(kind, [...(groups.get(kind) ?? []), site]);
  }
  return [...groups.values()];
}

/** Checks what only a model can tell: that there is something to share, and that what was found is of this model. */
export function checkSites(sites: readonly Site[], of: Method, config: PearConfig): void {
  const { ratio, shared, knowledgeCheckpoint } = config;
  const block = sites.find(({ module }) => !module.weight);
  check(
    knowledgeCheckpoint !== 'merge' || !block,
    'bad-config',
    () =>
      `pear: knowledgeCheckpoint "merge" folds pruned adapters into the weight, but ${block?.path} is a block without one; ` +
      'use "frozen" or "none".',
  );
  if (!shared) {
    const isPruned = groupsOf(sites, of).some(group => prunedCount(ratio, group.length) > 0);
    check(
      ratio === 0 || isPruned,
      'bad-config',
      () =>
        `pear: nothing can be pruned: of the ${sites.length} sites (${sites[0].id}, ...), a ratio of ${ratio} takes none out of ` +
        'any group of one role and shape; adapt more layers or raise the ratio.',
    );
    return;
  }
  const ids = sites.map(({ id }) => id);
  for (const [pruned, donor] of Object.entries(shared)) {
    for (const id of [pruned, donor])
      check(
        id === null || ids.includes(id),
        'bad-config',
        () =>
          `pear: ${pruned} is to share ${donor}, but ${id} is not adapted here; closest: ${closest(id ?? '', ids)}.`,
      );
    check(
      donor === null || shared[donor] === undefined,
      'bad-config',
      () => `pear: ${pruned} is to share ${donor}, which is pruned itself.`,
    );
  }
}
