import { fold, key, type Method, type Stage, type Target } from '@peft/core';
import type { PearConfig, PearFindings, PearOptions } from './config.ts';
import { groupsOf } from './groups.ts';
import { importanceOf } from './importance.ts';
import { checkpointPaths } from './maths.ts';
import { pruneAndShare } from './prune.ts';

/** The pruned targets, in the order of the model, each with the one whose adapter it shares. */
function sharingMap(
  targets: readonly Target[],
  scores: Readonly<Record<string, number>>,
  base: Method,
  config: PearConfig,
): Record<string, string | null> {
  const pairs = groupsOf(targets, base).flatMap(group => {
    const importance = group.map(({ id }) => scores[id]);
    const shared = pruneAndShare(importance, config, fold(key(config.seed), group[0].id));
    return [...shared].map(([pruned, donor]) => [group[pruned].id, group[donor].id] as const);
  });
  const donors = new Map(pairs);
  return Object.fromEntries(
    targets.flatMap(({ id }) => {
      const donor = donors.get(id);
      return donor === undefined ? [] : [[id, config.share ? donor : null]];
    }),
  );
}

/** After some epochs: score all adapters, prune the least important, and share the most important in their place. */
export const pearStage = (base: Method, config: PearConfig, pear: (options: PearOptions) => Method): Stage => ({
  name: 'pruning and sharing',
  after: epochs => config.warmEpochs ?? 0.3 * epochs,
  ...(config.criterion === 'taylor' && { gate: () => ({ on: 'delta', groups: 1 }) as const }),
  aggregation: 'none',
  batches: config.scoreBatches,
  next(gates, values) {
    const targets = values.map(({ target }) => target);
    const scores = importanceOf(values, gates, base, config);
    const shared = sharingMap(targets, scores, base, config);
    const pruned = values.filter(({ target }) => target.id in shared);
    const checkpoints = pruned.flatMap(({ target, values: own }) =>
      checkpointPaths(target, targets, base).map(([name, path]) => [path, own[name]]),
    );
    return {
      method: pear({ ...config, base, findings: { shared, scores } }),
      values: config.knowledgeCheckpoint === 'none' ? {} : Object.fromEntries(checkpoints),
    };
  },
  resume: findings => pear({ ...config, base, findings: findings as PearFindings }),
});
