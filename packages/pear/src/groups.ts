import { check, closest, type Method, type Target } from '@peft/core';
import { isBlock } from '@peft/core/method';
import type { PearParts } from './config.ts';
import { prunedCount } from './prune.ts';

type Group = readonly [Target, ...Target[]];

/**
 * The targets in groups that may share, those of equal role and equal shapes, each in the order of the model: a target's index
 * is its position. On a ViT these are all targets of a role; on a hierarchical model, where each stage has a width of its own,
 * those of one stage.
 */
export function groupsOf(targets: readonly Target[], base: Method): Group[] {
  const groups = new Map<string, Group>();
  for (const target of targets) {
    const tensors = Object.entries(base.parameters(target, targets)).map(([name, { shape }]) => `${name} [${shape}]`);
    const alike = [target.kind, isBlock(target), target.inFeatures, target.outFeatures, ...tensors].join();
    const known = groups.get(alike);
    groups.set(alike, known ? [...known, target] : [target]);
  }
  return [...groups.values()];
}

/** Checks what only a model can tell: that there is something to share, and that what was found is of this model. */
export function checkTargets(targets: readonly Target[], { base, config, findings }: PearParts): void {
  const { ratio, knowledgeCheckpoint } = config;
  const block = targets.find(isBlock);
  check(
    knowledgeCheckpoint !== 'merge' || !block,
    'bad-config',
    () =>
      `pear: knowledgeCheckpoint "merge" folds pruned adapters into the weight, but ${block?.path} is a block without one; ` +
      'use "frozen" or "none".',
  );
  if (!findings) {
    const isPruned = groupsOf(targets, base).some(group => prunedCount(ratio, group.length) > 0);
    check(
      ratio === 0 || isPruned,
      'bad-config',
      () =>
        `pear: nothing can be pruned: of the ${targets.length} targets (${targets[0]?.id}, ...), a ratio of ${ratio} takes none out of ` +
        'any group of one role and shape; adapt more layers or raise the ratio.',
    );
    return;
  }
  const ids = targets.map(({ id }) => id);
  for (const [pruned, donor] of Object.entries(findings.shared)) {
    const unknown = [pruned, donor].find(id => id !== null && !ids.includes(id));
    check(!unknown, 'bad-config', () => {
      return `pear: ${pruned} is to share ${donor}, but ${unknown} is not adapted here; closest: ${closest(unknown ?? '', ids)}.`;
    });
    check(donor === null || findings.shared[donor] === undefined, 'bad-config', () => {
      return `pear: ${pruned} is to share ${donor}, which is pruned itself.`;
    });
  }
}
