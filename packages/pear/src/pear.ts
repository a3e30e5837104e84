import { adaptformer, adaptformerOptions, type Method, type MethodFactory } from '@peft/core';
import { type PearConfig, type PearOptions, pearConfig, pearOptions } from './config.ts';
import { checkTargets } from './groups.ts';
import { pearDelta, pearDeltaWeight, pearFromWeight, pearParameters, pearWeightDelta } from './maths.ts';
import { pearStage } from './stage.ts';

/**
 * Prune and share: trains adapters at all positions, removes the least important ones, and lets the important ones be shared
 * in their place, beside what the removed ones had learned.
 *
 * ```ts
 * await model.add('default', pear({ r: 8, modulesToSave: ['head'] }), { key: key(42) }); // bottlenecks beside the MLPs
 * await model.add('default', pear({ base: lora({ targets: ['attn.qkv[q,v]'] }) }), { key: key(42) });
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense; `not-supported` for a method with a
 * stage of its own
 */
export const pear: ((options?: PearOptions) => Method<PearConfig>) & MethodFactory<PearOptions> =
  /* @__PURE__ */ Object.assign(
    (options: PearOptions = {}): Method<PearConfig> => {
      const { config, base } = pearConfig(options);
      const isSettled = config.ratio === 0 || config.shared !== undefined;
      const changesWeight = base.weightDelta !== undefined || (config.shared && config.knowledgeCheckpoint === 'merge');
      const { deltaWeight, initFromWeight, withTargets } = base;
      return {
        type: 'pear',
        config,
        base,
        targets: base.targets,
        ...(withTargets && {
          withTargets: (targets: readonly string[]) => pear({ ...options, base: withTargets(targets) }),
        }),
        blocks: base.blocks,
        convolutions: base.convolutions,
        modulesToSave: base.modulesToSave,
        bias: base.bias,
        parameters(target, targets) {
          if (target === targets[0]) checkTargets(targets, base, config);
          return pearParameters(target, targets, base, config);
        },
        delta: call => pearDelta(call, base, config),
        rowwise: base.rowwise,
        mergeable: base.mergeable,
        ...(changesWeight && { weightDelta: call => pearWeightDelta(call, base, config) }),
        ...(deltaWeight && { deltaWeight: call => pearDeltaWeight(call, deltaWeight, config) }),
        ...(initFromWeight && {
          initFromWeight: async (target, weight, from) =>
            pearFromWeight(target, await initFromWeight(target, weight, from), config),
        }),
        ...(!isSettled && { stage: pearStage(base, config, pear) }),
      };
    },
    { type: 'pear', options: { ...pearOptions, ...adaptformerOptions }, base: adaptformer },
  );
