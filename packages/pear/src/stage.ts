import { fold, key, type Method, type MethodRecord, type Site, type Stage } from '@peft/core';
import type { PearConfig, PearOptions } from './config.ts';
import { groupsOf } from './groups.ts';
import { importanceOf } from './importance.ts';
import { checkpointPaths } from './maths.ts';
import { pruneAndShare } from './prune.ts';

/** The pruned sites, in the order of the model, each with the one whose adapter it shares. */
function sharingMap(
  sites: readonly Site[],
  scores: Readonly<Record<string, number>>,
  of: Method,
  config: PearConfig,
): Record<string, string | null> {
  const pairs = groupsOf(sites, of).flatMap(group => {
    const importance = group.map(({ id }) => scores[id]);
    const shared = pruneAndShare(importance, config, fold(key(config.seed), group[0].id));
    return [...shared].map(([pruned, donor]) => [group[pruned].id, group[donor].id] as const);
  });
  const donors = new Map(pairs);
  return Object.fromEntries(
    sites.flatMap(({ id }) => {
      const donor = donors.get(id);
      return donor === undefined ? [] : [[id, config.share ? donor : null]];
    }),
  );
}

/** After some epochs: score all adapters, prune the least important, and share the most important in their place. */
export const pearStage = (of: Method, config: PearConfig, pear: (options: PearOptions) => Method): Stage => ({
  name: 'score, prune and share',
  after: epochs => config.warmEpochs ?? 0.3 * epochs,
  ...(config.criterion === 'taylor' && { gate: () => ({ on: 'delta', groups: 1 }) as const }),
  aggregation: 'none',
  batches: config.scoreBatches,
  next(gates, values) {
    const sites = values.map(({ site }) => site);
    const scores = importanceOf(values, gates, of, config);
    const shared = sharingMap(sites, scores, of, config);
    const pruned = values.filter(({ site }) => site.id in shared);
    const checkpoints = pruned.flatMap(({ site, values: own }) =>
      checkpointPaths(site, sites, of).map(([name, path]) => [path, own[name]]),
    );
    return {
      method: pear({ ...config, of, shared, scores }),
      values: config.knowledgeCheckpoint === 'none' ? {} : Object.fromEntries(checkpoints),
    };
  },
  resume: ({ config: settled }: MethodRecord) => pear({ ...settled, of }),
});
