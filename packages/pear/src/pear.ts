import { bottleneck, bottleneckOptions, type Method, type MethodFactory } from '@peft/core';
import { type PearConfig, type PearOptions, pearConfig, pearOptions } from './config.ts';
import { checkSites } from './groups.ts';
import { pearDelta, pearDeltaWeight, pearParameters, pearPrepared, pearWeightDelta } from './maths.ts';
import { pearStage } from './stage.ts';

/**
 * Prune and share: trains adapters at all positions, removes the least important ones, and lets the important ones be shared
 * in their place, beside what the removed ones had learned.
 *
 * ```ts
 * await model.add('default', pear({ r: 8, modulesToSave: ['head'] }), { key: key(42) }); // bottlenecks beside the MLPs
 * await model.add('default', pear({ of: lora({ targets: ['attn.qkv[q,v]'] }) }), { key: key(42) });
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense; `not-supported` for a method with a
 * stage of its own
 */
export const pear: ((options?: PearOptions) => Method<PearConfig>) & MethodFactory<PearOptions> =
  /* @__PURE__ */ Object.assign(
    (options: PearOptions = {}): Method<PearConfig> => {
      const { config, of } = pearConfig(options);
      const isSettled = config.ratio === 0 || config.shared !== undefined;
      const changesWeight = of.weightDelta !== undefined || (config.shared && config.knowledgeCheckpoint === 'merge');
      const { deltaWeight, prepare, withTargets } = of;
      return {
        type: 'pear',
        config,
        of,
        targets: of.targets,
        ...(withTargets && {
          withTargets: (targets: readonly string[]) => pear({ ...options, of: withTargets(targets) }),
        }),
        blocks: of.blocks,
        convolutions: of.convolutions,
        modulesToSave: of.modulesToSave,
        bias: of.bias,
        parameters(site, sites) {
          if (site === sites[0]) checkSites(sites, of, config);
          return pearParameters(site, sites, of, config);
        },
        delta: call => pearDelta(call, of, config),
        rowwise: of.rowwise,
        unmergeable: of.unmergeable,
        ...(changesWeight && { weightDelta: call => pearWeightDelta(call, of, config) }),
        ...(deltaWeight && { deltaWeight: call => pearDeltaWeight(call, deltaWeight, config) }),
        ...(prepare && {
          prepare: async (site, weight, from) => pearPrepared(site, await prepare(site, weight, from), config),
        }),
        ...(!isSettled && { stage: pearStage(of, config, pear) }),
      };
    },
    { type: 'pear', options: { ...pearOptions, ...bottleneckOptions }, of: bottleneck },
  );
