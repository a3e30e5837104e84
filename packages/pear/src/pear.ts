import { adaptformer, adaptformerOptions, type Method, type MethodFactory } from '@peft/core';
import {
  type PearConfig,
  type PearFindings,
  type PearOptions,
  type PearState,
  pearOptions,
  pearParts,
} from './config.ts';
import { checkTargets } from './groups.ts';
import { pearDelta, pearDeltaWeight, pearFromWeight, pearParameters, pearWeightDelta } from './maths.ts';
import { pearStage } from './stage.ts';

type PearMethod = Method<PearConfig, PearFindings>;

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
export const pear: ((options?: PearOptions) => PearMethod) & MethodFactory<PearOptions, PearMethod> =
  /* @__PURE__ */ Object.assign(
    (options: PearOptions = {}): PearMethod => {
      const { config, findings, base } = pearParts(options);
      const state: PearState = { ...config, ...findings };
      const isSettled = config.ratio === 0 || findings !== undefined;
      const changesWeight = base.weightDelta !== undefined || (findings && config.knowledgeCheckpoint === 'merge');
      const { deltaWeight, initFromWeight, withTargets } = base;
      return {
        type: 'pear',
        config,
        ...(findings && { findings }),
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
          if (target === targets[0]) checkTargets(targets, base, state);
          return pearParameters(target, targets, base, state);
        },
        delta: call => pearDelta(call, base, state),
        rowwise: base.rowwise,
        mergeable: base.mergeable,
        ...(changesWeight && { weightDelta: call => pearWeightDelta(call, base, state) }),
        ...(deltaWeight && { deltaWeight: call => pearDeltaWeight(call, deltaWeight, state) }),
        ...(initFromWeight && {
          initFromWeight: async (target, weight, from) =>
            pearFromWeight(target, await initFromWeight(target, weight, from), state),
        }),
        ...(!isSettled && { stage: pearStage(base, config, pear) }),
      };
    },
    { type: 'pear', options: { ...pearOptions, ...adaptformerOptions }, base: adaptformer },
  );
