import { adaptformer, check, type Method, type MethodFactory, type Target, type TargetOptions } from '@peft/core';
import {
  type HeatConfig,
  type HeatFindings,
  type HeatOptions,
  type HeatParts,
  heatOptions,
  heatParts,
  pairOptions,
} from './config.ts';
import { narrow, narrowSpec } from './mask.ts';
import { maskedDelta, maskedDeltaWeight, maskedWeightDelta } from './maths.ts';
import { extraTargets, type Placement, placementOf, targetNames } from './placement.ts';
import { heatStage, isProbing } from './stage.ts';

export type HeatMethod = Method<HeatConfig, HeatFindings>;

/** Where the method adapts, and for masks on the output where heads are read. */
function targetsOf({ base, config }: HeatParts): TargetOptions | undefined {
  if (config.maskTarget === 'delta' || !base.targets) return base.targets;
  return { ...base.targets, targets: [...targetNames(base), ...extraTargets(base, config)] };
}

function makeHeat(parts: HeatParts): HeatMethod {
  const { config, findings, base } = parts;
  /** What is known of a target since the adapter was laid out on a model. */
  const placements = new WeakMap<Target, Placement>();
  const at = (target: Target): Placement => {
    const placement = placements.get(target);
    check(placement, 'state', () => `heat: ${target.id} is of no adapter of this method.`);
    return placement;
  };
  const { initFromWeight, withTargets } = base;
  return {
    type: 'heat',
    config,
    ...(findings && { findings }),
    base,
    targets: targetsOf(parts),
    ...(withTargets && {
      withTargets: (targets: readonly string[]) => makeHeat({ ...parts, base: withTargets(targets) }),
    }),
    blocks: base.blocks,
    convolutions: base.convolutions,
    modulesToSave: base.modulesToSave,
    bias: base.bias,
    parameters(target, targets) {
      const placement = placementOf(target, targets, parts);
      placements.set(target, placement);
      const { specs = {}, axes, outputs } = placement;
      const entries = Object.entries(specs).map(([name, whole]) => {
        const spec = outputs && name in axes ? narrowSpec(whole, axes[name], outputs) : whole;
        return [name, isProbing(parts) ? { ...spec, frozen: true } : spec];
      });
      return Object.fromEntries(entries);
    },
    delta: call => maskedDelta(call, base, at(call.target)),
    rowwise: base.rowwise,
    ...(base.weightDelta && { weightDelta: call => maskedWeightDelta(call, base, at(call.target)) }),
    mergeable: base.mergeable,
    ...(base.deltaWeight && { deltaWeight: call => maskedDeltaWeight(call, base, at(call.target)) }),
    ...(initFromWeight && {
      async initFromWeight(target: Target, weight: Float32Array, from: Parameters<typeof initFromWeight>[2]) {
        const { specs, axes, outputs } = at(target);
        const values = Object.entries(specs ? await initFromWeight(target, weight, from) : {});
        return Object.fromEntries(
          values.map(([name, data]) => {
            const isCut = specs && outputs && name in axes;
            return [name, isCut ? narrow(data, specs[name].shape, axes[name], outputs) : data];
          }),
        );
      },
    }),
    ...((!findings || config.refreshEvery > 0) && { stage: heatStage(parts, makeHeat) }),
  };
}

/**
 * Head-level adaptation: scores the heads of attention on the task, and turns the adapter off at the least important.
 *
 * ```ts
 * await model.add('default', heat({ ne: 3, r: 8, modulesToSave: ['head'] }), { key: key(42) });
 * await model.add('default', heat({ ne: 3, base: lora({ targets: ['attn.qkv[q,v]'], dora: true }) }), { key: key(42) });
 * ```
 *
 * @throws PeftError `bad-config` for an option that does not exist or makes no sense
 */
export const heat: ((options?: HeatOptions) => HeatMethod) & MethodFactory<HeatOptions, HeatMethod> =
  /* @__PURE__ */ Object.assign((options: HeatOptions = {}): HeatMethod => makeHeat(heatParts(options)), {
    type: 'heat',
    options: { ...heatOptions, ...pairOptions },
    base: adaptformer,
  });
