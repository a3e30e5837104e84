import { check, closest, type Method, type Target } from '@peft/core';
import type { PearState } from './config.ts';
import { prunedCount } from './prune.ts';

/*
 * Which targets may share: those of equal role and equal shapes. On a ViT these are all targets of a role; on a hierarchical
 * model, where each stage has a width of its own, those of one stage.
 */

/** What a target is in its layer: the name that matched, without the indices of layers, and its slice. */
const roleOf = ({ matched, slice }: Target): string => [matched.replace(/(^|\.)\d+(?=\.|$)/g, ''), slice?.name].join();

function kindOf(target: Target, targets: readonly Target[], base: Method): string {
  const tensors = Object.entries(base.parameters(target, targets)).map(([name, { shape }]) => `${name} [${shape}]`);
  return [roleOf(target), target.module.weight === undefined, target.inFeatures, target.outFeatures, ...tensors].join();
}

/** The targets in groups that may share, each in the order of the model: a target's index is its position. */
export function groupsOf(targets: readonly Target[], base: Method): Target[][] {
  const groups = new Map<string, Target[]>();
  for (const target of targets) {
    const kind = kindOf(target, targets, base);
    groups.set(kind, [...(groups.get(kind) ?? []), target]);
  }
  return [...groups.values()];
}

/** Checks what only a model can tell: that there is something to share, and that what was found is of this model. */
export function checkTargets(targets: readonly Target[], base: Method, config: PearState): void {
  const { ratio, shared, knowledgeCheckpoint } = config;
  const block = targets.find(({ module }) => !module.weight);
  check(
    knowledgeCheckpoint !== 'merge' || !block,
    'bad-config',
    () =>
      `pear: knowledgeCheckpoint "merge" folds pruned adapters into the weight, but ${block?.path} is a block without one; ` +
      'use "frozen" or "none".',
  );
  if (!shared) {
    const isPruned = groupsOf(targets, base).some(group => prunedCount(ratio, group.length) > 0);
    check(
      ratio === 0 || isPruned,
      'bad-config',
      () =>
        `pear: nothing can be pruned: of the ${targets.length} targets (${targets[0].id}, ...), a ratio of ${ratio} takes none out of ` +
        'any group of one role and shape; adapt more layers or raise the ratio.',
    );
    return;
  }
  const ids = targets.map(({ id }) => id);
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
